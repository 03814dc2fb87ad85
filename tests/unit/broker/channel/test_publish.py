"""PUBLISH from a client: checks, routing, acknowledgement, and what receivers see of it."""

from __future__ import annotations

import pytest

from app.broker.hooks import Ok, Stop
from app.broker.message import Message
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Disconnect,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscribeFilter,
)
from app.mqtt.properties import Properties
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Later, Playbook, only, refusal

VERSIONS = (MQTT_3_1_1, MQTT_5)


def payloads(packets: list[object]) -> list[bytes]:
    return [packet.payload for packet in packets if isinstance(packet, Publish)]


# -- QoS 0, 1, 2 -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_qos_0_is_delivered_and_not_acknowledged(version: int) -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver", version=version)
    receiver.subscribes("t", qos=2)
    sender = playbook.connect("sender", version=version)
    sender.sends(Publish("t", b"hello"))
    assert sender.receives() == []
    assert receiver.receives() == [Publish("t", b"hello")]


@pytest.mark.parametrize("version", VERSIONS)
def test_qos_1_is_acknowledged_when_it_was_routed(version: int) -> None:
    """[MQTT-4.3.2-4]"""
    playbook = Playbook()
    receiver = playbook.connect("receiver", version=version)
    receiver.subscribes("t", qos=2)
    sender = playbook.connect("sender", version=version)
    sender.sends(Publish("t", b"hello", 1, packet_id=7))
    assert sender.receives() == [Puback(7)]
    assert receiver.receives() == [Publish("t", b"hello", 1, packet_id=1)]


@pytest.mark.parametrize("version", VERSIONS)
def test_qos_2_is_routed_once_however_often_it_is_sent(version: int) -> None:
    """[MQTT-4.3.3-10]"""
    playbook = Playbook()
    receiver = playbook.connect("receiver", version=version)
    receiver.subscribes("t")
    sender = playbook.connect("sender", version=version)
    sender.sends(Publish("t", b"1", 2, packet_id=7))
    sender.sends(Publish("t", b"1", 2, dup=True, packet_id=7))
    assert sender.receives() == [Pubrec(7), Pubrec(7)]
    assert payloads(receiver.receives()) == [b"1"]
    sender.sends(Pubrel(7))
    assert sender.receives() == [Pubcomp(7)]
    sender.sends(Publish("t", b"2", 2, packet_id=7))
    assert payloads(receiver.receives()) == [b"2"]


def test_a_message_sent_again_at_qos_1_is_a_message_again() -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("t")
    sender = playbook.connect("sender")
    sender.sends(Publish("t", b"1", 1, packet_id=7), Publish("t", b"1", 1, dup=True, packet_id=7))
    assert receiver.receives() == [Publish("t", b"1"), Publish("t", b"1")]  # [MQTT-3.3.1-3]


@pytest.mark.parametrize(("qos", "answer"), [(1, Puback), (2, Pubrec)])
def test_an_mqtt_5_client_is_told_that_nobody_listens(qos: int, answer: type) -> None:
    sender = Playbook().connect("sender")
    sender.sends(Publish("t", b"", qos, packet_id=1))
    assert sender.receives() == [answer(1, ReasonCode.NO_MATCHING_SUBSCRIBERS)]


def test_a_copy_that_was_dropped_is_not_nobody_listening() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("t", no_local=True)
    client.sends(Publish("t", b"x", 1, packet_id=1))
    assert client.receives() == [Puback(1)]
    counted = playbook.counted()
    assert counted["delivery.dropped.no_local"] == 1
    assert "messages.dropped.no_subscribers" not in counted


def test_an_mqtt_3_client_is_told_nothing_of_the_kind() -> None:
    sender = Playbook().connect("sender", version=MQTT_3_1_1)
    sender.sends(Publish("t", b"", 1, packet_id=1))
    assert sender.receives_frames() == [b"\x40\x02\x00\x01"]


@pytest.mark.parametrize(
    ("published", "subscribed", "upgrade", "expected"),
    [(2, 1, False, 1), (0, 2, False, 0), (1, 1, False, 1), (0, 2, True, 2), (2, 0, True, 2)],
)
def test_the_lower_qos_holds_unless_the_zone_upgrades(
    published: int, subscribed: int, upgrade: bool, expected: int
) -> None:
    """[MQTT-3.8.4-8]"""
    playbook = Playbook(zone={"upgrade_qos": upgrade})
    receiver = playbook.connect("receiver")
    receiver.subscribes("t", qos=subscribed)
    playbook.publish("t", b"", published)
    assert only(receiver.receives()).qos == expected


def test_messages_of_one_publisher_keep_their_order() -> None:
    """[MQTT-4.6.0-6]"""
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("t/#", qos=2)
    sender = playbook.connect("sender")
    for number in range(1, 21):
        sender.sends(Publish(f"t/{number % 3}", b"%d" % number, 1, packet_id=number))
    assert payloads(receiver.receives()) == [b"%d" % number for number in range(1, 21)]


# -- QoS 2 limits ------------------------------------------------------------------------------


def test_more_unreleased_qos_2_messages_than_allowed_are_refused() -> None:
    playbook = Playbook(zone={"max_awaiting_rel": 2})
    receiver = playbook.connect("receiver")
    receiver.subscribes("t")
    sender = playbook.connect("sender")
    for packet_id in (1, 2):
        sender.sends(Publish("t", b"", 2, packet_id=packet_id))
    sender.receives()
    sender.sends(Publish("t", b"", 2, packet_id=3))
    # EMQX answers with 0x93, which the standard knows in DISCONNECT only: hence the bytes
    assert sender.receives_frames() == [b"\x50\x03\x00\x03\x93"]
    assert len(receiver.receives()) == 2
    counted = playbook.counted()
    assert counted["packets.publish.dropped"] == 1
    assert counted["messages.dropped"] == 1
    sender.sends(Pubrel(1), Publish("t", b"", 2, packet_id=3))
    assert sender.receives() == [Pubcomp(1), Pubrec(3)]


def test_an_mqtt_5_client_that_exceeds_our_receive_maximum_is_disconnected() -> None:
    """[MQTT-3.3.4-9]"""
    playbook = Playbook(zone={"max_inflight": 2})
    sender = playbook.connect("sender")
    for packet_id in (1, 2, 3):
        sender.sends(Publish("t", b"", 2, packet_id=packet_id))
    *acknowledged, end = sender.receives()
    assert len(acknowledged) == 2
    assert isinstance(end, Disconnect)
    assert end.reason_code == ReasonCode.RECEIVE_MAXIMUM_EXCEEDED
    assert playbook.counted()["messages.dropped.receive_maximum"] == 1


def test_overlapping_subscriptions_can_be_made_one() -> None:
    """[MQTT-3.3.4-2] [MQTT-3.3.4-4]"""
    playbook = Playbook(mqtt={"merge_overlapping": True})
    receiver = playbook.connect("receiver")
    for number, (topic, qos) in enumerate((("t/+", 0), ("t/#", 2), ("t/1", 1)), start=1):
        wanted = (SubscribeFilter(topic, qos),)
        receiver.sends(Subscribe(number, wanted, {"subscription_identifier": [number]}))
    receiver.receives()
    sender = playbook.connect("sender")
    sender.sends(Publish("t/1", b"", 1, packet_id=1))
    (got,) = receiver.receives()
    assert isinstance(got, Publish)
    assert got.qos == 1
    assert sorted(got.properties["subscription_identifier"]) == [1, 2, 3]


def test_an_mqtt_3_client_over_the_limit_gets_no_answer_and_may_try_again() -> None:
    playbook = Playbook(zone={"max_awaiting_rel": 1})
    sender = playbook.connect("sender", version=MQTT_3_1_1)
    sender.sends(Publish("t", b"", 2, packet_id=1), Publish("t", b"", 2, packet_id=2))
    assert sender.receives() == [Pubrec(1)]
    sender.sends(Pubrel(1), Publish("t", b"", 2, dup=True, packet_id=2))
    assert sender.receives() == [Pubcomp(1), Pubrec(2)]


def test_without_a_limit_there_is_none() -> None:
    sender = Playbook(zone={"max_awaiting_rel": 0}).connect("sender", version=MQTT_3_1_1)
    for packet_id in range(1, 301):
        sender.sends(Publish("t", b"", 2, packet_id=packet_id))
    assert len(sender.receives()) == 300


def test_a_message_that_is_never_released_is_given_up_in_time() -> None:
    playbook = Playbook(zone={"await_rel_timeout_s": 10.0})
    sender = playbook.connect("sender")
    sender.sends(Publish("t", b"", 2, packet_id=1))
    playbook.advance(6)
    sender.sends(Publish("t", b"", 2, packet_id=2))
    playbook.advance(4)
    assert list(sender.session.awaiting_rel) == [2]
    playbook.advance(6)
    assert list(sender.session.awaiting_rel) == []
    assert playbook.counted()["messages.dropped.await_pubrel_timeout"] == 2
    sender.receives()
    sender.sends(Pubrel(1))
    assert sender.receives() == [Pubcomp(1, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND)]


def test_one_timer_is_enough_for_all_messages_that_wait_for_their_release() -> None:
    playbook = Playbook()
    sender = playbook.connect("sender")
    before = sum(map(len, playbook.core.timers._buckets.values()))
    for packet_id in range(1, 1_000):
        sender.sends(Publish("t", b"", 2, packet_id=packet_id), Pubrel(packet_id))
    assert sum(map(len, playbook.core.timers._buckets.values())) == before + 1
    playbook.advance(300)
    assert sum(map(len, playbook.core.timers._buckets.values())) == before


def test_unreleased_messages_survive_the_connection() -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("t")
    kept = {"session_expiry_interval": 100}
    playbook.connect("sender", properties=kept).sends(Publish("t", b"", 2, packet_id=1))
    sender = playbook.connect("sender", clean_start=False, properties=kept)
    sender.sends(Publish("t", b"", 2, dup=True, packet_id=1))
    assert len(receiver.receives()) == 1


# -- capabilities ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mqtt", "packet", "reason"),
    [
        ({"max_qos_allowed": 1}, Publish("t", b"", 2, packet_id=1), ReasonCode.QOS_NOT_SUPPORTED),
        ({"max_qos_allowed": 0}, Publish("t", b"", 1, packet_id=1), ReasonCode.QOS_NOT_SUPPORTED),
        (
            {"retain_available": False},
            Publish("t", b"", retain=True),
            ReasonCode.RETAIN_NOT_SUPPORTED,
        ),
        ({"max_topic_levels": 2}, Publish("a/b/c", b""), ReasonCode.TOPIC_NAME_INVALID),
    ],
)
def test_what_the_server_cannot_do_ends_the_connection(
    mqtt: dict[str, object], packet: Publish, reason: ReasonCode
) -> None:
    """[MQTT-3.2.2-11] [MQTT-3.2.2-14]"""
    playbook = Playbook(mqtt=mqtt)
    sender = playbook.connect("sender")
    sender.sends(packet)
    assert refusal(sender) == (Disconnect, reason)
    assert playbook.counted()["packets.publish.error"] == 1


@pytest.mark.parametrize(("limit", "topic"), [(2, "a/b"), (0, "/" * 300)])
def test_as_many_levels_as_allowed_are_allowed(limit: int, topic: str) -> None:
    sender = Playbook(mqtt={"max_topic_levels": limit}).connect("sender")
    sender.sends(Publish(topic, b""))
    assert not sender.is_closed


def test_a_packet_that_is_too_large_ends_the_connection() -> None:
    playbook = Playbook(mqtt={"max_packet_size": 100})
    playbook.watch("client.disconnected")
    sender = playbook.connect("sender")
    sender.sends(Publish("t", bytes(200)))
    assert refusal(sender) == (Disconnect, ReasonCode.PACKET_TOO_LARGE)
    assert playbook.told == [("client.disconnected", "frame_too_large")]


# -- topic aliases -----------------------------------------------------------------------------


def aliased(topic: str, alias: int) -> Publish:
    return Publish(topic, b"x", properties={"topic_alias": alias})


def test_an_alias_stands_for_the_topic_it_was_sent_with() -> None:
    """[MQTT-3.3.2-12]"""
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("#")
    playbook.connect("sender").sends(
        aliased("a", 1), aliased("", 1), aliased("b", 1), aliased("", 1)
    )
    assert [packet.topic for packet in receiver.receives()] == ["a", "a", "b", "b"]


def test_an_alias_is_not_forwarded() -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("#")
    sender = playbook.connect("sender")
    sender.sends(Publish("t", b"", properties={"topic_alias": 1, "content_type": "x"}))
    assert only(receiver.receives()).properties == {"content_type": "x"}


def test_an_unknown_alias_ends_the_connection() -> None:
    sender = Playbook().connect("sender")
    sender.sends(aliased("", 1))
    assert refusal(sender) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


@pytest.mark.parametrize(("limit", "alias"), [(10, 11), (0, 1)])
def test_an_alias_above_the_limit_ends_the_connection(limit: int, alias: int) -> None:
    """[MQTT-3.3.2-9]"""
    sender = Playbook(mqtt={"max_topic_alias": limit}).connect("sender")
    sender.sends(aliased("t", alias))
    assert refusal(sender) == (Disconnect, ReasonCode.TOPIC_ALIAS_INVALID)


def test_aliases_end_with_their_connection() -> None:
    """[MQTT-3.3.2-7]"""
    playbook = Playbook()
    kept = {"session_expiry_interval": 100}
    playbook.connect("sender", properties=kept).sends(aliased("t", 1))
    sender = playbook.connect("sender", clean_start=False, properties=kept)
    sender.sends(aliased("", 1))
    assert refusal(sender) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


# -- properties --------------------------------------------------------------------------------


def test_what_a_publisher_says_about_its_message_is_forwarded_unchanged() -> None:
    """[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]"""
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("t")
    properties = {
        "payload_format_indicator": 1,
        "content_type": "text/plain",
        "response_topic": "answer",
        "correlation_data": b"\x00\x01",
        "user_property": [("b", "1"), ("a", "2"), ("b", "3")],
    }
    playbook.connect("sender").sends(Publish("t", b"x", properties=properties))
    assert only(receiver.receives()).properties == properties


def test_an_mqtt_3_receiver_gets_the_message_without_properties() -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver", version=MQTT_3_1_1)
    receiver.subscribes("t")
    playbook.connect("sender").sends(Publish("t", b"x", properties={"content_type": "x"}))
    assert receiver.receives() == [Publish("t", b"x")]


# -- access ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "qos", "expected"),
    [
        (MQTT_5, 0, []),
        (MQTT_5, 1, [Puback(1, ReasonCode.NOT_AUTHORIZED)]),
        (MQTT_5, 2, [Pubrec(1, ReasonCode.NOT_AUTHORIZED)]),
        (MQTT_3_1_1, 1, [Puback(1)]),
        (MQTT_3_1_1, 2, [Pubrec(1)]),
    ],
)
def test_a_message_that_the_acl_refuses_is_dropped_and_acknowledged(
    version: int, qos: int, expected: list[object]
) -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("t")
    sender = playbook.connect("sender", version=version)
    playbook.always("client.check_acl", Stop(value=False))
    sender.sends(Publish("t", b"", qos, packet_id=1 if qos else None))
    assert sender.receives() == expected
    assert receiver.receives() == []
    counted = playbook.counted()
    assert counted["packets.publish.auth_error"] == 1
    assert counted["client.acl.deny"] == 1
    assert "messages.publish" not in counted


def test_the_acl_is_asked_about_the_topic_behind_the_alias() -> None:
    playbook = Playbook(enable_acl_cache=False)
    asked: list[str] = []
    playbook.hook("client.check_acl", lambda *args: asked.append(args[2]))
    playbook.connect("sender").sends(aliased("t", 1), aliased("", 1))
    assert asked == ["t", "t"]


def test_a_message_waits_for_a_slow_acl() -> None:
    playbook, answer = Playbook(), Later()
    receiver = playbook.connect("receiver")
    receiver.subscribes("t")
    sender = playbook.connect("sender")
    playbook.always("client.check_acl", answer)
    sender.sends(Publish("t", b"x", 1, packet_id=1))
    assert (sender.receives(), receiver.receives()) == ([], [])
    answer.answers(Ok(value=True))
    sender.goes_on()
    assert sender.receives() == [Puback(1)]
    assert payloads(receiver.receives()) == [b"x"]


def test_a_message_whose_publisher_left_while_the_acl_thought_is_dropped() -> None:
    playbook, answer = Playbook(), Later()
    receiver = playbook.connect("receiver")
    receiver.subscribes("t")
    sender = playbook.connect("sender")
    playbook.always("client.check_acl", answer)
    sender.sends(Publish("t", b"x", 1, packet_id=1))
    playbook.broker.kick("sender")
    answer.answers(Ok(value=True))
    sender.goes_on()
    assert receiver.receives() == []


def test_an_acl_that_fails_refuses() -> None:
    playbook = Playbook()
    sender = playbook.connect("sender")
    playbook.hook("client.check_acl", lambda *_: 1 / 0)
    sender.sends(Publish("t", b"x", 1, packet_id=1))
    assert sender.receives() == [Puback(1, ReasonCode.NOT_AUTHORIZED)]


# -- hooks and receivers -----------------------------------------------------------------------


def test_a_hook_may_change_a_message_before_it_is_routed() -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("#")
    playbook.hook(
        "message.publish",
        lambda message: Ok(Message("other", b"changed", 0, False, message.timestamp_ms)),
    )
    playbook.connect("sender").sends(Publish("t", b"x"))
    assert receiver.receives() == [Publish("other", b"changed")]


def test_a_hook_may_stop_a_message() -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("#")
    playbook.always("message.publish", Stop(None))
    sender = playbook.connect("sender")
    sender.sends(Publish("t", b"x", 1, retain=True, packet_id=1))
    assert receiver.receives() == []
    assert len(playbook.core.retained) == 0
    assert len(sender.receives()) == 1


def test_the_publisher_is_known_to_hooks() -> None:
    playbook = Playbook()
    seen: list[Message] = []
    playbook.hook("message.publish", seen.append)
    playbook.connect("c", username="u", peerhost="10.1.2.3").sends(Publish("t", b"x"))
    assert (seen[0].clientid, seen[0].username, seen[0].peerhost) == ("c", "u", "10.1.2.3")


def test_hooks_are_told_what_was_delivered_to_whom() -> None:
    playbook = Playbook()
    told: list[tuple[str, bytes]] = []
    playbook.hook("message.delivered", lambda *args: told.append((args[0], args[1].payload)))
    playbook.connect("c").subscribes("t", qos=1)
    for qos in (0, 1):
        playbook.publish("t", b"%d" % qos, qos)
    assert told == [("c", b"0"), ("c", b"1")]


def test_overlapping_subscriptions_get_a_copy_each() -> None:
    playbook = Playbook()
    receiver = playbook.connect("receiver")
    receiver.subscribes("a/b", "a/+", "#")
    playbook.publish("a/b")
    assert len(receiver.receives()) == 3


def test_a_client_hears_itself_unless_it_said_no_local() -> None:
    """[MQTT-3.8.3-3]"""
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("mine")
    client.subscribes("quiet", no_local=True)
    client.sends(Publish("mine", b"1"), Publish("quiet", b"2"))
    playbook.publish("quiet", b"3")
    assert payloads(client.receives()) == [b"1", b"3"]
    assert playbook.counted()["delivery.dropped.no_local"] == 1


def test_mqtt_3_clients_are_spared_their_own_messages_where_the_settings_say_so() -> None:
    playbook = Playbook(mqtt={"ignore_loop_deliver": True})
    old, new = playbook.connect("old", version=MQTT_3_1_1), playbook.connect("new")
    for client in (old, new):
        client.subscribes("t/#")
    old.sends(Publish("t/old", b"old"))
    new.sends(Publish("t/new", b"new"))
    assert payloads(old.receives()) == [b"new"]
    assert payloads(new.receives()) == [b"old", b"new"]


def test_a_message_larger_than_the_client_takes_is_dropped_for_it_alone() -> None:
    """[MQTT-3.1.2-24] [MQTT-3.1.2-25]"""
    playbook = Playbook()
    small = playbook.connect("small", properties={"maximum_packet_size": 30})
    large = playbook.connect("large")
    for client in (small, large):
        client.subscribes("t", qos=1)
    playbook.publish("t", bytes(100), 1)
    playbook.publish("t", b"x", 1)
    assert payloads(small.receives()) == [b"x"]
    assert payloads(large.receives()) == [bytes(100), b"x"]
    assert playbook.counted()["delivery.dropped.too_large"] == 1
    assert len(small.session.inflight) == 1


@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_exactly_as_large_as_the_client_takes_is_delivered(qos: int) -> None:
    playbook = Playbook()
    size = len(Publish("t", bytes(10), qos, packet_id=1).encode(MQTT_5))
    client = playbook.connect("c", properties={"maximum_packet_size": size})
    client.subscribes("t", qos=1)
    playbook.publish("t", bytes(10), qos)
    playbook.publish("t", bytes(11), qos)
    assert payloads(client.receives()) == [bytes(10)]


# -- mountpoint --------------------------------------------------------------------------------


def test_clients_below_a_mountpoint_see_their_own_topics_without_it() -> None:
    playbook = Playbook(zone={"mountpoint": "dev/%u/"})
    first = playbook.connect("first", username="u")
    second = playbook.connect("second", username="u")
    stranger = playbook.connect("stranger", username="x")
    for client in (first, stranger):
        client.subscribes("t/#", qos=1)
    second.sends(Publish("t/1", b"x", 1, packet_id=1))
    assert first.receives() == [Publish("t/1", b"x", 1, packet_id=1)]
    assert stranger.receives() == []
    assert playbook.core.router.filters() == ["dev/u/t/#", "dev/x/t/#"]


def test_a_mounted_message_comes_unmounted_out_of_the_queue_and_out_of_the_retained_ones() -> None:
    playbook = Playbook(zone={"mountpoint": "dev/"})
    kept = {"session_expiry_interval": 100}
    client = playbook.connect("c", properties=kept)
    client.subscribes("queued")
    client.crashes()
    playbook.connect("sender").sends(Publish("queued", b"1"), Publish("kept", b"2", retain=True))
    client = playbook.connect("c", clean_start=False, properties=kept)
    assert client.receives() == [Publish("queued", b"1")]
    client.subscribes("kept")
    assert client.receives() == [Publish("kept", b"2", retain=True)]


def test_the_acl_is_asked_about_the_topic_as_the_client_spells_it() -> None:
    playbook = Playbook(zone={"mountpoint": "dev/"})
    asked: list[tuple[str, str]] = []
    playbook.hook("client.check_acl", lambda *args: asked.append(args[1:3]))
    client = playbook.connect("c")
    client.subscribes("a")
    client.sends(Publish("b", b""))
    assert asked == [("subscribe", "a"), ("publish", "b")]


# -- payloads that promise to be text ----------------------------------------------------------


def promised(payload: bytes, qos: int) -> Publish:
    """Return a PUBLISH that says its payload is UTF-8."""
    properties: Properties = {"payload_format_indicator": 1}
    return Publish("t", payload, qos, packet_id=1 if qos else None, properties=properties)


@pytest.mark.parametrize(("qos", "answer"), [(1, Puback(1, 0x99)), (2, Pubrec(1, 0x99))])
def test_a_payload_that_is_not_the_text_it_promises_is_refused_where_that_is_checked(
    qos: int, answer: Puback | Pubrec
) -> None:
    playbook = Playbook(mqtt={"check_payload_format": True})
    client = playbook.connect()
    client.subscribes("t")
    client.sends(promised(b"\xff", qos))
    assert client.receives() == [answer]
    assert playbook.counted()["packets.publish.error"] == 1


def test_at_qos_0_such_a_payload_ends_the_connection() -> None:
    client = Playbook(mqtt={"check_payload_format": True}).connect()
    client.sends(promised(b"\xff", 0))
    assert refusal(client) == (Disconnect, ReasonCode.PAYLOAD_FORMAT_INVALID)


@pytest.mark.parametrize(
    ("checks", "packet"),
    [
        (True, promised("é".encode(), 0)),
        (True, Publish("t", b"\xff", properties={"payload_format_indicator": 0})),
        (True, Publish("t", b"\xff", properties={"content_type": "x"})),
        (False, promised(b"\xff", 0)),
    ],
)
def test_other_payloads_are_nobodys_business(checks: bool, packet: Publish) -> None:
    client = Playbook(mqtt={"check_payload_format": checks}).connect()
    client.subscribes("t")
    client.sends(packet)
    assert only(client.receives()).payload == packet.payload


# -- what the ACL leads to ---------------------------------------------------------------------


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_who_publishes_where_it_may_not_is_put_out_where_the_settings_say_so(qos: int) -> None:
    playbook = Playbook(acl_deny_action="disconnect")
    playbook.always("client.check_acl", Stop(value=False))
    playbook.watch("client.disconnected")
    client = playbook.connect()
    client.sends(Publish("t", b"", qos, packet_id=1 if qos else None))
    assert refusal(client) == (Disconnect, ReasonCode.NOT_AUTHORIZED)
    assert playbook.told == [("client.disconnected", "not_authorized")]
    assert playbook.counted()["packets.publish.auth_error"] == 1
