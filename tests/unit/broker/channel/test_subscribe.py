"""SUBSCRIBE and UNSUBSCRIBE: what is granted, what is refused, what is replayed."""

from __future__ import annotations

import pytest

from app.broker.hooks import Ok, Stop
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Disconnect,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsuback,
    Unsubscribe,
)
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Later, Playbook, only, refusal

VERSIONS = (MQTT_3_1_1, MQTT_5)


def subscribe(*filters: tuple[str, int] | SubscribeFilter) -> Subscribe:
    return Subscribe(
        1,
        tuple(
            one if isinstance(one, SubscribeFilter) else SubscribeFilter(*one) for one in filters
        ),
    )


# -- SUBACK ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_every_filter_has_its_answer_in_order(version: int) -> None:
    """[MQTT-3.8.4-1] [MQTT-3.9.3-1]"""
    client = Playbook().connect("c", version=version)
    client.sends(subscribe(("a", 0), ("b", 1), ("c", 2)))
    assert client.receives() == [Suback(1, (0, 1, 2))]


def test_no_more_is_granted_than_the_server_can_do() -> None:
    """[MQTT-3.2.2-10]"""
    playbook = Playbook(mqtt={"max_qos_allowed": 1})
    client = playbook.connect("c")
    client.sends(subscribe(("t", 2)))
    assert client.receives() == [Suback(1, (1,))]
    playbook.publish("t", b"", 2)
    assert only(client.receives()).qos == 1


@pytest.mark.parametrize(
    ("mqtt", "topic_filter", "reason"),
    [
        ({}, "a/#/b", ReasonCode.TOPIC_FILTER_INVALID),
        ({}, "a+", ReasonCode.TOPIC_FILTER_INVALID),
        ({}, "", ReasonCode.TOPIC_FILTER_INVALID),
        ({}, "$share/g", ReasonCode.TOPIC_FILTER_INVALID),
        ({}, "$share/g/", ReasonCode.TOPIC_FILTER_INVALID),
        ({}, "$share/+/a", ReasonCode.TOPIC_FILTER_INVALID),
        ({}, "$share/g/$queue/a", ReasonCode.TOPIC_FILTER_INVALID),
        ({"max_topic_levels": 2}, "a/b/c", ReasonCode.TOPIC_FILTER_INVALID),
        ({"max_topic_levels": 2}, "$share/g/a/b/c", ReasonCode.TOPIC_FILTER_INVALID),
        (
            {"wildcard_subscription": False},
            "a/+",
            ReasonCode.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
        ),
        (
            {"shared_subscription": False},
            "$share/g/a",
            ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
        ),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_filter_that_cannot_be_is_refused_and_the_others_are_not(
    version: int, mqtt: dict[str, object], topic_filter: str, reason: ReasonCode
) -> None:
    """[MQTT311-3.8.3-2] [MQTT-3.8.4-7]"""
    playbook = Playbook(mqtt=mqtt)
    client = playbook.connect("c", version=version)
    client.sends(subscribe(("good", 1), (topic_filter, 1)))
    assert client.receives() == [Suback(1, (1, reason if version == MQTT_5 else 0x80))]
    assert playbook.core.router.filters() == ["good"]
    assert playbook.counted()["packets.subscribe.error"] == 1


def test_levels_of_the_share_prefix_do_not_count() -> None:
    client = Playbook(mqtt={"max_topic_levels": 2}).connect("c")
    client.sends(subscribe(("$share/g/a/b", 0)))
    assert client.receives() == [Suback(1, (0,))]


def test_no_local_on_a_shared_subscription_ends_the_connection() -> None:
    """[MQTT-3.8.3-4]"""
    for topic_filter in ("$share/g/a", "$queue/a"):
        client = Playbook().connect("c")
        client.sends(subscribe(("first", 0), SubscribeFilter(topic_filter, 0, no_local=True)))
        assert refusal(client) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


def test_a_client_may_not_have_more_subscriptions_than_the_zone_allows() -> None:
    client = Playbook(zone={"max_subscriptions": 2}).connect("c")
    client.sends(subscribe(("a", 0), ("b", 0), ("c", 0)))
    assert client.receives() == [Suback(1, (0, 0, ReasonCode.QUOTA_EXCEEDED))]
    client.sends(subscribe(("a", 1)))
    assert client.receives() == [Suback(1, (1,))]
    client.sends(Unsubscribe(2, ("a",)), subscribe(("c", 0)))
    assert client.receives() == [Unsuback(2, (0,)), Suback(1, (0,))]


EXCLUSIVE = {"exclusive_subscription": True}


def test_exclusive_subscriptions_are_refused_unless_the_settings_allow_them() -> None:
    client = Playbook().connect("c")
    client.sends(subscribe(("$exclusive/t", 0)))
    assert client.receives() == [Suback(1, (ReasonCode.TOPIC_FILTER_INVALID,))]


@pytest.mark.parametrize("wrong", ["$exclusive/", "$exclusive/$share/g/t", "$exclusive/$queue/t"])
def test_an_exclusive_filter_has_one_prefix_and_a_topic(wrong: str) -> None:
    client = Playbook(mqtt=EXCLUSIVE).connect("c")
    client.sends(subscribe((wrong, 0)))
    assert client.receives() == [Suback(1, (ReasonCode.TOPIC_FILTER_INVALID,))]


@pytest.mark.parametrize(
    ("version", "code"), [(MQTT_5, ReasonCode.QUOTA_EXCEEDED), (MQTT_3_1_1, 0x80)]
)
def test_an_exclusive_subscription_is_one_clients_at_a_time(version: int, code: int) -> None:
    playbook = Playbook(mqtt=EXCLUSIVE)
    first, second = (playbook.connect(name, version=version) for name in ("first", "second"))
    first.subscribes("$exclusive/t", qos=1)
    first.subscribes("$exclusive/t", qos=1)
    second.sends(subscribe(("$exclusive/t", 0), ("t", 0)))
    assert second.receives() == [Suback(1, (code, 0))]
    playbook.publish("t", b"1", 1)
    for client in (first, second):
        assert [packet.payload for packet in client.receives()] == [b"1"]
    first.crashes()
    second.subscribes("$exclusive/t")


def test_an_exclusive_subscription_is_free_again_when_it_is_given_up() -> None:
    playbook = Playbook(mqtt=EXCLUSIVE, zone={"mountpoint": "m/"})
    first, second = playbook.connect("first"), playbook.connect("second")
    first.subscribes("$exclusive/t")
    assert list(first.session.subscriptions) == ["m/t"]
    first.sends(Unsubscribe(2, ("$exclusive/t",)))
    assert first.receives() == [Unsuback(2, (0,))]
    second.subscribes("$exclusive/t")
    playbook.publish("m/t", b"1")
    assert [packet.payload for packet in second.receives()] == [b"1"]


def test_a_subscription_made_again_replaces_the_old_one() -> None:
    """[MQTT-3.8.4-3]"""
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("t", qos=0)
    client.subscribes("t", qos=1)
    playbook.publish("t", b"", 1)
    assert only(client.receives()).qos == 1
    assert playbook.core.subscriptions.count == 1


# -- UNSUBACK ----------------------------------------------------------------------------------


def test_unsubscribe_ends_the_subscription_and_says_what_was_there() -> None:
    """[MQTT-3.10.4-1] [MQTT-3.11.3-1]"""
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("a", "$share/g/b")
    client.sends(Unsubscribe(5, ("a", "missing", "$share/g/b", "bad#")))
    assert client.receives() == [
        Unsuback(
            5,
            (0, ReasonCode.NO_SUBSCRIPTION_EXISTED, 0, ReasonCode.TOPIC_FILTER_INVALID),
        )
    ]
    assert len(playbook.core.router) == 0
    assert playbook.core.subscriptions.count == 0
    playbook.publish("a")
    assert client.receives() == []
    assert playbook.counted()["packets.unsubscribe.error"] == 1


def test_unsubscribe_compares_filters_letter_by_letter() -> None:
    """[MQTT-3.10.4-1]"""
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("a/+")
    client.sends(Unsubscribe(5, ("a/#", "A/+")))
    playbook.publish("a/b")
    assert [type(packet) for packet in client.receives()] == [Unsuback, Publish]


def test_a_queue_is_given_up_under_its_own_name() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("$queue/t")
    client.sends(Unsubscribe(5, ("$queue/t",)))
    assert client.receives() == [Unsuback(5, (0,))]
    assert len(playbook.core.router) == 0


# -- retained messages -------------------------------------------------------------------------


def retaining(playbook: Playbook) -> None:
    playbook.publish("t/1", b"1", 1, retain=True)
    playbook.publish("t/2", b"2", 0, retain=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_retained_messages_follow_the_suback(version: int) -> None:
    """[MQTT-3.3.1-6] [MQTT-3.3.1-8]"""
    playbook = Playbook()
    retaining(playbook)
    client = playbook.connect("c", version=version)
    client.sends(subscribe(("t/#", 1)))
    assert client.receives() == [
        Suback(1, (1,)),
        Publish("t/1", b"1", 1, retain=True, packet_id=1),
        Publish("t/2", b"2", 0, retain=True),
    ]


@pytest.mark.parametrize(("retain_handling", "first", "second"), [(0, 2, 2), (1, 2, 0), (2, 0, 0)])
def test_retain_handling_says_when_they_are_wanted(
    retain_handling: int, first: int, second: int
) -> None:
    """[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]"""
    playbook = Playbook()
    retaining(playbook)
    client = playbook.connect("c")
    client.subscribes("t/#", retain_handling=retain_handling)
    assert len(client.receives()) == first
    client.subscribes("t/#", retain_handling=retain_handling)
    assert len(client.receives()) == second


def test_retained_messages_are_not_sent_for_shared_subscriptions() -> None:
    playbook = Playbook()
    retaining(playbook)
    client = playbook.connect("c")
    client.subscribes("$share/g/t/#")
    assert client.receives() == []


def test_a_refused_subscription_gets_no_retained_messages() -> None:
    playbook = Playbook()
    retaining(playbook)
    playbook.always("client.check_acl", Stop(value=False))
    client = playbook.connect("c")
    client.sends(subscribe(("t/#", 0)))
    assert client.receives() == [Suback(1, (ReasonCode.NOT_AUTHORIZED,))]


def test_ones_own_retained_messages_are_not_local() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.sends(Publish("t", b"x", retain=True))
    client.subscribes("t", no_local=True)
    assert client.receives() == []


def test_retained_messages_are_upgraded_as_live_ones_are() -> None:
    playbook = Playbook(zone={"upgrade_qos": True})
    playbook.publish("t", b"x", 0, retain=True)
    client = playbook.connect("c")
    client.subscribes("t", qos=1)
    assert only(client.receives()).qos == 1


@pytest.mark.parametrize(("as_published", "expected"), [(False, False), (True, True)])
def test_live_messages_carry_retain_only_for_those_who_asked(
    as_published: bool, expected: bool
) -> None:
    """[MQTT-3.3.1-12] [MQTT-3.3.1-13]"""
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("t", retain_as_published=as_published)
    playbook.publish("t", b"x", retain=True)
    playbook.publish("t", b"x")
    assert [packet.retain for packet in client.receives()] == [expected, False]


def test_a_bridge_sees_retain_as_published() -> None:
    playbook = Playbook()
    bridge = playbook.connect("bridge", version=MQTT_3_1_1, is_bridge=True)
    bridge.subscribes("t")
    playbook.publish("t", b"x", retain=True)
    assert only(bridge.receives()).retain


# -- subscription identifiers ------------------------------------------------------------------


def test_a_subscription_identifier_comes_with_the_messages() -> None:
    """[MQTT-3.3.4-3]"""
    playbook = Playbook()
    playbook.publish("t", b"kept", retain=True)
    client = playbook.connect("c")
    for number, topic_filter in ((7, "t"), (268_435_455, "+")):
        client.sends(
            Subscribe(1, (SubscribeFilter(topic_filter, 1),), {"subscription_identifier": [number]})
        )
    client.receives()
    client.subscribes("#", retain_handling=2)
    playbook.publish("t", b"live", 1, properties={"content_type": "x"})
    identifiers = [packet.properties.get("subscription_identifier") for packet in client.receives()]
    assert sorted(identifiers, key=str) == [None, [268_435_455], [7]]


def test_retained_messages_come_with_the_identifier() -> None:
    playbook = Playbook()
    playbook.publish("t", b"kept", retain=True)
    client = playbook.connect("c")
    client.sends(Subscribe(1, (SubscribeFilter("t", 1),), {"subscription_identifier": [7]}))
    _, packet = client.receives()
    assert packet.properties == {"subscription_identifier": [7]}


def test_subscribing_again_without_an_identifier_takes_it_away() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.sends(Subscribe(1, (SubscribeFilter("t", 1),), {"subscription_identifier": [7]}))
    client.receives()
    client.subscribes("t")
    playbook.publish("t")
    assert only(client.receives()).properties == {}


# -- access ------------------------------------------------------------------------------------


def test_the_acl_decides_on_each_filter() -> None:
    playbook = Playbook()
    playbook.hook("client.check_acl", lambda *asked: Stop(not asked[2].startswith("secret")))
    client = playbook.connect("c")
    client.sends(subscribe(("a", 0), ("secret/#", 0), ("b", 1)))
    assert client.receives() == [Suback(1, (0, ReasonCode.NOT_AUTHORIZED, 1))]
    assert playbook.counted()["packets.subscribe.auth_error"] == 1


def test_sharing_a_subscription_is_no_way_around_the_acl() -> None:
    playbook = Playbook()
    playbook.hook("client.check_acl", lambda *asked: Stop(asked[2] != "secret"))
    client = playbook.connect("c")
    client.sends(subscribe(("$share/g/secret", 0), ("$queue/secret", 0)))
    assert client.receives() == [Suback(1, (ReasonCode.NOT_AUTHORIZED,) * 2)]


def test_a_slow_acl_is_asked_about_one_filter_after_the_other() -> None:
    playbook = Playbook()
    answers = {"a": Later(), "b": Later()}
    asked: list[str] = []

    def check(client: object, action: str, topic: str, _: object) -> Later:
        asked.append(topic)
        return answers[topic]

    playbook.hook("client.check_acl", check)
    client = playbook.connect("c")
    client.sends(subscribe(("a", 0), ("bad#", 0), ("b", 0)))
    assert asked == ["a"]
    answers["a"].answers(Stop(value=False))
    client.goes_on()
    assert (asked, client.receives()) == (["a", "b"], [])
    answers["b"].answers(Stop(value=True))
    client.goes_on()
    assert client.receives() == [Suback(1, (0x87, 0x8F, 0))]


def test_a_client_that_left_while_the_acl_thought_is_not_subscribed() -> None:
    playbook, answer = Playbook(), Later()
    playbook.always("client.check_acl", answer)
    client = playbook.connect("c", properties={"session_expiry_interval": 100})
    client.sends(subscribe(("a", 0), ("b", 0)))
    client.channel.handle_closed("tcp_closed")
    answer.answers(Ok(value=True))
    client.goes_on()
    assert (len(playbook.core.router), client.receives()) == (0, [])


def test_giving_up_a_check_in_the_middle_leaves_nothing_behind() -> None:
    playbook = Playbook()
    playbook.always("client.check_acl", Later())
    client = playbook.connect("c")
    client.sends(subscribe(("a", 0), ("b", 0), ("c", 0)))
    client.crashes()  # a coroutine that was never awaited would be a warning, and that an error


def test_an_acl_that_fails_refuses() -> None:
    playbook, answer = Playbook(), Later()
    playbook.always("client.check_acl", answer)
    client = playbook.connect("c")
    client.sends(subscribe(("a", 0)))
    answer.fails(ConnectionError("the database is away"))
    client.goes_on()
    assert client.receives() == [Suback(1, (ReasonCode.NOT_AUTHORIZED,))]


# -- hooks -------------------------------------------------------------------------------------


def test_hooks_may_change_what_is_subscribed_to_and_given_up() -> None:
    playbook = Playbook()
    playbook.always("client.subscribe", Ok((SubscribeFilter("other", 0),)))
    playbook.always("client.unsubscribe", Ok(("other",)))
    client = playbook.connect("c")
    client.sends(subscribe(("t", 0)))
    assert playbook.core.router.filters() == ["other"]
    client.sends(Unsubscribe(1, ("t",)))
    assert playbook.core.router.filters() == []


def test_hooks_are_told_what_was_subscribed_to_and_given_up() -> None:
    playbook = Playbook()
    told: list[tuple[str, str]] = []
    playbook.hook("session.subscribed", lambda *args: told.append(("+", args[1])))
    playbook.hook("session.unsubscribed", lambda *args: told.append(("-", args[1])))
    client = playbook.connect("c")
    client.sends(subscribe(("a", 0), ("bad#", 0), ("$share/g/b", 0)))
    client.sends(Unsubscribe(1, ("a", "missing", "$share/g/b")))
    assert told == [("+", "a"), ("+", "$share/g/b"), ("-", "a"), ("-", "$share/g/b")]


# -- by the API --------------------------------------------------------------------------------


def test_the_api_subscribes_a_client_as_if_it_had_asked() -> None:
    playbook = Playbook()
    retaining(playbook)
    client = playbook.connect("c")
    assert playbook.broker.subscribe("c", [SubscribeFilter("t/1", 1), SubscribeFilter("bad#", 0)])
    assert client.receives() == [Publish("t/1", b"1", 1, retain=True, packet_id=1)]
    assert playbook.broker.unsubscribe("c", ["t/1", "missing"])
    assert len(playbook.core.router) == 0


def test_the_api_subscribes_a_client_that_is_away() -> None:
    playbook = Playbook()
    kept = {"session_expiry_interval": 100}
    playbook.connect("c", properties=kept).crashes()
    assert playbook.broker.subscribe("c", [SubscribeFilter("t", 1)])
    playbook.publish("t", b"x", 1)
    client = playbook.connect("c", clean_start=False, properties=kept)
    assert client.receives() == [Publish("t", b"x", 1, packet_id=1)]


def test_the_api_cannot_subscribe_a_client_that_is_not_there() -> None:
    playbook = Playbook()
    assert not playbook.broker.subscribe("c", [SubscribeFilter("t", 1)])
    assert not playbook.broker.unsubscribe("c", ["t"])


def test_who_subscribes_where_it_may_not_is_put_out_where_the_settings_say_so() -> None:
    playbook = Playbook(acl_deny_action="disconnect")
    playbook.hook("client.check_acl", lambda _client, _action, topic, _: Stop(topic == "mine"))
    client = playbook.connect()
    client.sends(Subscribe(1, (SubscribeFilter("mine", 0), SubscribeFilter("yours", 0))))
    assert refusal(client) == (Disconnect, ReasonCode.NOT_AUTHORIZED)
    assert playbook.counted()["packets.subscribe.auth_error"] == 1
    assert playbook.publish("mine") == 0
