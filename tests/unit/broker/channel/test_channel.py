"""The channel: time, ends, congestion, and what happens to a session between two connections."""

from __future__ import annotations

import pytest

from app.broker.message import Message
from app.broker.records import BanRecord
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Auth,
    Connack,
    Disconnect,
    Pingreq,
    Puback,
    Publish,
    Pubrec,
    Pubrel,
)
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Client, Playbook, connect_packet, only, refusal

KEPT = {"session_expiry_interval": 1_000}


def payloads(packets: list[object]) -> list[bytes]:
    return [packet.payload for packet in packets if isinstance(packet, Publish)]


def back(playbook: Playbook, clientid: str = "c", version: int = MQTT_5) -> Client:
    """Connect a client whose session is to be kept."""
    properties = KEPT if version == MQTT_5 else {}
    return playbook.connect(clientid, version=version, clean_start=False, properties=properties)


# -- idle and keepalive ------------------------------------------------------------------------


def test_a_connection_without_connect_is_closed_after_the_idle_timeout() -> None:
    playbook = Playbook()
    client = playbook.client()
    playbook.advance(14.75)
    assert not client.is_closed
    playbook.advance(0.25)
    assert client.is_closed
    assert client.receives() == []
    assert client.channel.disconnect_reason == "idle_timeout"


def test_the_idle_timeout_ends_with_connect() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    playbook.advance(1_000)
    assert not client.is_closed


def test_a_silent_client_is_closed_after_one_and_a_half_keepalives() -> None:
    """[MQTT-3.1.2-22]"""
    playbook = Playbook()
    playbook.watch("client.disconnected")
    client = playbook.connect("c", keepalive=10)
    playbook.advance(14.75)
    assert not client.is_closed
    playbook.advance(0.25)
    assert refusal(client) == (Disconnect, ReasonCode.KEEP_ALIVE_TIMEOUT)
    assert playbook.told == [("client.disconnected", "keepalive_timeout")]


def test_any_packet_keeps_a_client_alive() -> None:
    playbook = Playbook()
    client = playbook.connect("c", keepalive=10)
    for _ in range(10):
        playbook.advance(14)
        client.sends(Pingreq())
    assert not client.is_closed


def test_a_client_that_takes_what_it_is_sent_is_alive() -> None:
    playbook = Playbook()
    client = playbook.connect("c", keepalive=10)
    for unsent in range(10, 0, -1):
        client.wire.unsent = unsent
        playbook.advance(10)
    assert not client.is_closed


def test_a_client_with_keepalive_0_may_be_silent_for_ever() -> None:
    """[MQTT-3.1.2-22] 0 turns the mechanism off"""
    playbook = Playbook()
    client = playbook.connect("c", keepalive=0)
    playbook.advance(100_000)
    assert not client.is_closed


# -- protocol errors ---------------------------------------------------------------------------


def test_auth_without_a_method_ends_the_connection() -> None:
    client = Playbook().connect("c")
    client.sends(Auth(0x19, {"authentication_method": "x"}))
    assert refusal(client) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


@pytest.mark.parametrize(("wanted", "told"), [(1, True), (0, False)])
def test_why_it_ended_is_told_to_those_who_want_to_know(wanted: int, told: bool) -> None:
    """[MQTT-3.1.2-29]"""
    client = Playbook().connect("c", properties={"request_problem_information": wanted})
    client.sends(connect_packet("c"))
    assert ("reason_string" in only(client.receives()).properties) is told


@pytest.mark.parametrize(("size", "told"), [(40, False), (511, False), (512, True)])
def test_why_it_ended_is_told_only_to_those_who_have_room_for_it(size: int, told: bool) -> None:
    """[MQTT-3.14.2-3]"""
    client = Playbook().connect("c", properties={"maximum_packet_size": size})
    client.sends(connect_packet("c"))
    (frame,) = client.receives_frames()
    assert len(frame) <= size
    assert (b"CONNECT" in frame) is told


def test_an_mqtt_3_client_is_closed_without_a_word() -> None:
    client = Playbook().connect("c", version=MQTT_3_1_1)
    client.sends(connect_packet("c", MQTT_3_1_1))
    assert (client.receives(), client.is_closed) == ([], True)


def test_malformed_bytes_end_the_connection() -> None:
    client = Playbook().connect("c")
    client.sends(b"\x00\x00")
    assert refusal(client) == (Disconnect, ReasonCode.MALFORMED_PACKET)


# -- take-over ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("clean_start", "name"), [(True, "discarded"), (False, "takeovered")])
def test_a_second_connection_ends_the_first(clean_start: bool, name: str) -> None:
    """[MQTT-3.1.4-3]"""
    playbook = Playbook()
    playbook.watch("client.disconnected")
    first = playbook.connect("c", properties=KEPT)
    playbook.connect("c", clean_start=clean_start, properties=KEPT)
    assert refusal(first) == (Disconnect, ReasonCode.SESSION_TAKEN_OVER)
    assert playbook.told == [("client.disconnected", name)]
    assert playbook.core.cm.live == 1
    first.crashes()  # the socket ends later, and says nothing new
    assert len(playbook.told) == 1
    assert playbook.core.cm.live == 1


def test_an_mqtt_3_client_is_replaced_without_a_word() -> None:
    playbook = Playbook()
    first = playbook.connect("c", version=MQTT_3_1_1)
    playbook.connect("c", version=MQTT_3_1_1)
    assert (first.receives(), first.is_closed) == ([], True)


def test_a_session_that_is_taken_over_goes_on_where_it_was() -> None:
    playbook = Playbook()
    first = playbook.connect("c", properties=KEPT)
    first.subscribes("t", qos=1)
    playbook.publish("t", b"1", 1)
    second = playbook.client()
    second.sends(connect_packet("c", clean_start=False, properties=KEPT))
    connack, again = second.receives()
    assert connack.session_present  # [MQTT-3.2.2-3]
    assert again == Publish("t", b"1", 1, dup=True, packet_id=1)
    playbook.publish("t", b"2", 1)
    assert payloads(second.receives()) == [b"2"]


def test_a_session_that_is_discarded_is_gone() -> None:
    """[MQTT-3.1.2-4]"""
    playbook = Playbook()
    playbook.watch("session.terminated")
    first = playbook.connect("c", properties=KEPT)
    first.subscribes("t", qos=1)
    second = playbook.client()
    second.sends(connect_packet("c", properties=KEPT))
    assert not only(second.receives()).session_present
    playbook.publish("t", b"x", 1)
    assert second.receives() == []
    assert playbook.told == [("session.terminated", "discarded")]
    assert playbook.core.subscriptions.count == 0


# -- session expiry ----------------------------------------------------------------------------


def test_a_session_of_0_seconds_ends_with_the_connection() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("t")
    client.crashes()
    assert playbook.core.cm.channels == {}
    assert len(playbook.core.router) == 0


def test_a_session_ends_when_its_time_has_passed() -> None:
    playbook = Playbook()
    playbook.watch("session.terminated")
    client = playbook.connect("c", properties={"session_expiry_interval": 10})
    client.subscribes("t", "$share/g/t")
    client.crashes()
    playbook.advance(9.75)
    assert "c" in playbook.core.cm.channels
    playbook.advance(0.25)
    assert playbook.core.cm.channels == {}
    assert (len(playbook.core.router), playbook.core.subscriptions.count) == (0, 0)
    assert playbook.told == [("session.terminated", "expired")]


def test_coming_back_stops_the_clock() -> None:
    playbook = Playbook()
    for _ in range(3):
        client = playbook.connect(
            "c", clean_start=False, properties={"session_expiry_interval": 10}
        )
        client.crashes()
        playbook.advance(9)
    assert "c" in playbook.core.cm.channels


def test_a_session_that_never_expires_never_does() -> None:
    playbook = Playbook()
    playbook.connect("c", properties={"session_expiry_interval": 0xFFFF_FFFF}).crashes()
    playbook.clock.advance(10 * 365 * 86_400)
    playbook.advance(1)
    assert "c" in playbook.core.cm.channels


@pytest.mark.parametrize(("clean_start", "kept_s"), [(True, 0), (False, 7_200)])
def test_an_mqtt_3_session_is_kept_as_the_zone_says(clean_start: bool, kept_s: int) -> None:
    playbook = Playbook()
    client = playbook.connect("c", version=MQTT_3_1_1, clean_start=clean_start)
    assert client.session.expiry_interval_s == kept_s


# -- kick and ban ------------------------------------------------------------------------------


def test_a_kicked_client_is_told_and_its_session_ends() -> None:
    playbook = Playbook()
    playbook.watch("client.disconnected", "session.terminated")
    client = playbook.connect("c", properties=KEPT)
    client.subscribes("t")
    assert playbook.broker.kick("c")
    assert refusal(client) == (Disconnect, ReasonCode.ADMINISTRATIVE_ACTION)
    assert (playbook.core.cm.channels, len(playbook.core.router)) == ({}, 0)
    assert playbook.told == [("client.disconnected", "kicked"), ("session.terminated", "kicked")]


def test_kicking_a_client_that_is_away_ends_its_session() -> None:
    playbook = Playbook()
    playbook.connect("c", properties=KEPT).crashes()
    assert playbook.broker.kick("c")
    assert playbook.core.cm.channels == {}
    playbook.advance(2_000)  # the expiry that was to come has nothing left to do
    assert playbook.counted()["session.terminated"] == 1


def test_nobody_can_be_kicked_who_is_not_there() -> None:
    assert not Playbook().broker.kick("c")


@pytest.mark.parametrize(
    ("kind", "who"), [("clientid", "c"), ("username", "u"), ("peerhost", "10.0.0.9")]
)
def test_a_ban_puts_out_who_is_in(kind: str, who: str) -> None:
    playbook = Playbook()
    client = playbook.connect("c", username="u", peerhost="10.0.0.9")
    other = playbook.connect("other", username="v")
    playbook.broker.ban(BanRecord(kind, who, "admin", "", 0, None))
    assert (client.is_closed, other.is_closed) == (True, False)


def test_a_ban_that_is_over_puts_nobody_out() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    over_s = playbook.clock.wall_ms() // 1000
    playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, over_s))
    assert not client.is_closed


def test_a_client_may_come_back_when_its_ban_is_lifted() -> None:
    playbook = Playbook()
    playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    playbook.broker.unban("clientid", "c")
    playbook.connect("c")


# -- redelivery --------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
def test_what_was_not_acknowledged_comes_again_in_order_and_then_what_waited(version: int) -> None:
    """[MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]"""
    playbook = Playbook()
    client = back(playbook, version=version)
    client.subscribes("t", qos=2)
    for number, qos in enumerate((1, 2, 1, 2)):
        playbook.publish("t", b"%d" % number, qos)
    client.sends(Puback(3), Pubrec(2))
    client.crashes()
    playbook.publish("t", b"4", 1)
    client = back(playbook, version=version)
    assert client.receives() == [
        Pubrel(2),
        Publish("t", b"0", 1, dup=True, packet_id=1),
        Publish("t", b"3", 2, dup=True, packet_id=4),
        Publish("t", b"4", 1, packet_id=5),
    ]


def test_redelivery_keeps_to_a_receive_maximum_that_has_shrunk() -> None:
    """[MQTT-3.3.4-9]"""
    playbook = Playbook()
    client = back(playbook)
    client.subscribes("t", qos=1)
    for number in range(1, 6):
        playbook.publish("t", b"%d" % number, 1)
    client.crashes()
    client = playbook.connect("c", clean_start=False, properties={**KEPT, "receive_maximum": 2})
    playbook.publish("t", b"6", 1)
    received = []
    while packets := client.receives():
        received.append([(packet.payload, packet.packet_id, packet.dup) for packet in packets])
        client.sends(Puback(packets[0].packet_id))
    assert received == [
        [(b"1", 1, True), (b"2", 2, True)],
        [(b"3", 3, True)],
        [(b"4", 4, True)],
        [(b"5", 5, True)],
        [(b"6", 6, False)],
    ]


def test_an_mqtt_3_client_is_sent_again_what_it_does_not_acknowledge() -> None:
    playbook = Playbook()
    client = playbook.connect("c", version=MQTT_3_1_1)
    client.subscribes("t", qos=2)
    playbook.publish("t", b"1", 1)
    playbook.publish("t", b"2", 2)
    client.sends(Pubrec(2))
    client.receives()
    playbook.advance(29.75)
    assert client.receives() == []
    playbook.advance(0.25)
    assert client.receives() == [Publish("t", b"1", 1, dup=True, packet_id=1), Pubrel(2)]
    client.sends(Puback(1))
    playbook.advance(30)
    assert client.receives() == [Pubrel(2)]


def test_an_interval_of_0_waits_for_the_next_connection() -> None:
    playbook = Playbook(zone={"retry_interval_s": 0.0})
    client = playbook.connect("c", version=MQTT_3_1_1)
    client.subscribes("t", qos=1)
    playbook.publish("t", b"1", 1)
    client.receives()
    playbook.advance(100)
    assert client.receives() == []


def test_an_mqtt_5_client_is_not() -> None:
    """[MQTT-4.4.0-1] forbids it"""
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("t", qos=1)
    playbook.publish("t", b"1", 1)
    client.receives()
    playbook.advance(600)
    assert client.receives() == []


def test_what_was_sent_lately_is_not_sent_again() -> None:
    playbook = Playbook()
    client = playbook.connect("c", version=MQTT_3_1_1)
    client.subscribes("t", qos=1)
    playbook.publish("t", b"1", 1)
    playbook.advance(20)
    playbook.publish("t", b"2", 1)
    client.receives()
    playbook.advance(10)
    assert payloads(client.receives()) == [b"1"]


# -- window, queue, congestion -----------------------------------------------------------------


def test_what_does_not_fit_the_window_waits() -> None:
    playbook = Playbook(zone={"max_inflight": 2})
    client = playbook.connect("c")
    client.subscribes("t", qos=1)
    for number in range(4):
        playbook.publish("t", b"%d" % number, 1)
    assert payloads(client.receives()) == [b"0", b"1"]
    assert len(client.session.mqueue) == 2
    client.sends(Puback(1), Puback(2))
    assert payloads(client.receives()) == [b"2", b"3"]


def test_the_window_is_the_smaller_of_ours_and_the_clients() -> None:
    """[MQTT-3.3.4-9]"""
    playbook = Playbook(zone={"max_inflight": 10})
    for receive_maximum, expected in ((3, 3), (65_535, 10)):
        client = playbook.connect("c", properties={"receive_maximum": receive_maximum})
        client.subscribes("t", qos=1)
        for _ in range(20):
            playbook.publish("t", b"", 1)
        assert len(client.receives()) == expected


def test_a_full_window_does_not_hold_up_qos_0() -> None:
    playbook = Playbook(zone={"max_inflight": 1})
    client = playbook.connect("c")
    client.subscribes("t", qos=1)
    for number, qos in enumerate((1, 1, 0)):
        playbook.publish("t", b"%d" % number, qos)
    assert payloads(client.receives()) == [b"0", b"2"]


def test_qos_0_messages_of_an_absent_client_keep_their_order_when_the_window_fills() -> None:
    """[MQTT-4.6.0-6]"""
    playbook = Playbook(zone={"max_inflight": 1})
    client = back(playbook)
    client.subscribes("t", qos=1)
    client.crashes()
    for number, qos in enumerate((1, 1, 0)):
        playbook.publish("t", b"%d" % number, qos)
    client = back(playbook)
    playbook.publish("t", b"3", 0)
    assert payloads(client.receives()) == [b"0", b"2", b"3"]


def test_what_a_hook_publishes_while_the_queue_drains_goes_behind_it() -> None:
    playbook = Playbook()
    client = back(playbook)
    client.subscribes("t", qos=1)
    client.crashes()
    for payload in (b"1", b"2", b"3"):
        playbook.publish("t", payload, 1)

    def answer(_clientid: str, message: Message) -> None:
        if message.payload == b"1":
            playbook.publish("t", b"4", 1)

    playbook.hook("message.delivered", answer)
    assert payloads(back(playbook).receives()) == [b"1", b"2", b"3", b"4"]


def test_a_congested_client_is_sent_nothing_until_it_reads_again() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("t", qos=1)
    client.channel.set_congested(True)
    for number, qos in enumerate((0, 1, 0, 1)):
        playbook.publish("t", b"%d" % number, qos)
    assert client.receives() == []
    client.channel.set_congested(False)
    assert payloads(client.receives()) == [b"0", b"1", b"2", b"3"]


def test_the_queue_drains_no_further_than_the_socket_takes() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("t")
    client.channel.set_congested(True)
    for number in range(4):
        playbook.publish("t", b"%d" % number)
    write = client.wire.write

    def write_one(data: bytes) -> None:
        write(data)
        client.channel.congested = True

    client.wire.write = write_one  # type: ignore[method-assign]
    client.channel.set_congested(False)
    assert payloads(client.receives()) == [b"0"]
    client.channel.set_congested(False)
    assert payloads(client.receives()) == [b"1"]


def test_a_congested_client_is_not_sent_anything_again_either() -> None:
    playbook = Playbook()
    client = playbook.connect("c", version=MQTT_3_1_1)
    client.subscribes("t", qos=1)
    playbook.publish("t", b"1", 1)
    client.receives()
    client.channel.set_congested(True)
    playbook.advance(100)
    assert client.receives() == []
    client.channel.set_congested(False)
    playbook.advance(30)
    assert payloads(client.receives()) == [b"1"]


@pytest.mark.parametrize(
    ("qos", "metric"), [(0, "delivery.dropped.qos0_msg"), (1, "delivery.dropped.queue_full")]
)
def test_a_full_queue_drops_its_oldest_message(qos: int, metric: str) -> None:
    playbook = Playbook(zone={"max_mqueue_len": 2})
    client = back(playbook)
    client.subscribes("t", qos=1)
    client.crashes()
    for number in range(5):
        playbook.publish("t", b"%d" % number, qos)
    counted = playbook.counted()
    assert (counted[metric], counted["delivery.dropped"]) == (3, 3)
    client = back(playbook)
    assert client.session.mqueue.dropped == 3
    assert payloads(client.receives()) == [b"3", b"4"]


def test_qos_0_is_not_kept_for_absent_clients_where_the_zone_says_so() -> None:
    playbook = Playbook(zone={"mqueue_store_qos0": False})
    client = back(playbook)
    client.subscribes("t", qos=1)
    client.crashes()
    playbook.publish("t", b"0", 0)
    playbook.publish("t", b"1", 1)
    assert playbook.counted()["delivery.dropped.qos0_msg"] == 1
    assert payloads(back(playbook).receives()) == [b"1"]


def test_what_is_dropped_of_a_connected_client_is_told() -> None:
    playbook = Playbook(zone={"max_mqueue_len": 1, "max_inflight": 1})
    playbook.watch("delivery.dropped")
    client = playbook.connect("c")
    client.subscribes("t", qos=1)
    for number in range(3):
        playbook.publish("t", b"%d" % number, 1)
    assert playbook.told == [("delivery.dropped", "queue_full")]
    assert client.channel.counters.send_msg_dropped == {"queue_full": 1}


# -- message expiry ----------------------------------------------------------------------------


def expiring(seconds: int) -> dict[str, int]:
    return {"message_expiry_interval": seconds}


def test_the_time_a_message_waited_is_taken_off_its_expiry() -> None:
    """[MQTT-3.3.2-6]"""
    playbook = Playbook()
    client = back(playbook)
    client.subscribes("t", qos=1)
    client.crashes()
    playbook.publish("t", b"x", 1, properties=expiring(60))
    playbook.advance(20.5)
    assert only(back(playbook).receives()).properties == expiring(40)


def test_a_message_that_expired_in_the_queue_is_not_delivered() -> None:
    """[MQTT-3.3.2-5]"""
    playbook = Playbook()
    client = back(playbook)
    client.subscribes("t", qos=1)
    client.crashes()
    playbook.publish("t", b"old", 1, properties=expiring(10))
    playbook.publish("t", b"new", 1)
    playbook.advance(10)
    client = back(playbook)
    assert payloads(client.receives()) == [b"new"]
    assert playbook.counted()["delivery.dropped.expired"] == 1
    assert client.channel.counters.send_msg_dropped == {"expired": 1}


def test_an_expiry_never_runs_below_nought() -> None:
    playbook = Playbook()
    client = back(playbook)
    client.subscribes("t", qos=1)
    playbook.publish("t", b"x", 1, properties=expiring(10))
    client.crashes()
    playbook.advance(60)
    again = only(back(playbook).receives())
    assert (again.dup, again.properties) == (True, expiring(0))


def test_a_message_without_expiry_keeps_its_properties() -> None:
    playbook = Playbook()
    client = back(playbook)
    client.subscribes("t", qos=1)
    client.crashes()
    playbook.publish("t", b"x", 1, properties={"content_type": "x"})
    playbook.advance(20)
    assert only(back(playbook).receives()).properties == {"content_type": "x"}


# -- refused -----------------------------------------------------------------------------------


def test_a_refused_client_is_not_listed_and_leaves_no_timer() -> None:
    playbook = Playbook()
    before = sum(map(len, playbook.core.timers._buckets.values()))
    playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    playbook.watch("client.connack", "client.connected", "client.disconnected")
    client = playbook.client()
    client.sends(connect_packet("c"))
    assert refusal(client) == (Connack, ReasonCode.BANNED)
    assert playbook.told == [("client.connack", ReasonCode.BANNED)]
    assert sum(map(len, playbook.core.timers._buckets.values())) == before


def test_a_connection_that_ended_leaves_no_timer() -> None:
    playbook = Playbook()
    before = sum(map(len, playbook.core.timers._buckets.values()))
    client = playbook.connect("c", version=MQTT_3_1_1, keepalive=10)
    client.subscribes("t", qos=1)
    playbook.publish("t", b"", 1)
    client.leaves()
    assert sum(map(len, playbook.core.timers._buckets.values())) == before
