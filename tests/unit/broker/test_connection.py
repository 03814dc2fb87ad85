"""A TCP connection: one write a turn, order while a check takes time, flow control, ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from app.broker.arrival import unmapped
from app.broker.channel.subscribe import FILTERS_A_TURN
from app.broker.connection import FORCE_CLOSE_AFTER_S, LINGER_S, SLICE
from app.broker.hooks import Ok, Stop
from app.mqtt.packets import (
    MQTT_5,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsuback,
    Unsubscribe,
    Will,
)
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import FakeWire, connect_packet, only
from tests.unit.broker.wires import House, Peer

Houses = Callable[..., House]


class SlowAcl:
    """ACL answers that come when the test says so, in any order."""

    def __init__(self, house: House) -> None:
        self.loop = house.loop
        self.asked: list[str] = []
        self.answers: dict[str, asyncio.Future[object]] = {}
        house.playbook.hook("client.check_acl", self.check)

    def check(self, *args: Any) -> asyncio.Future[object]:
        topic = args[2]
        self.asked.append(topic)
        return self.answers.setdefault(topic, self.loop.create_future())

    def allows(self, topic: str) -> None:
        self.loop.turn(self.answers[topic].set_result, Ok(value=True))
        self.loop.turns()

    def fails(self, topic: str) -> None:
        self.loop.turn(self.answers[topic].set_exception, RuntimeError("the database is away"))
        self.loop.turns()


class BrokenWire(FakeWire):
    """A connection with a bug."""

    def write(self, data: bytes) -> None:
        raise RuntimeError("a bug of ours")


def subscribing(house: House, topic_filter: str = "t", qos: int = 0) -> Peer:
    peer = house.connect("subscriber")
    peer.sends(Subscribe(1, (SubscribeFilter(topic_filter, qos),)))
    peer.receives()
    return peer


# -- bytes in, bytes out -----------------------------------------------------------------------


def test_a_connect_is_answered(house: Houses) -> None:
    peer = house().peer()
    peer.sends(connect_packet("c"))
    assert only(peer.receives()).reason_code == 0


def test_bytes_may_come_one_at_a_time(house: Houses) -> None:
    peer = house().peer()
    for byte in connect_packet("c").encode() + Pingreq().encode():
        peer.sends(bytes((byte,)))
    assert [type(packet).__name__ for packet in peer.receives()] == ["Connack", "Pingresp"]


def test_everything_said_in_one_turn_goes_out_in_one_write(house: Houses) -> None:
    peer = house().connect()
    peer.sends(*[Pingreq()] * 50)
    assert len(peer.transport.writes) == 1
    assert peer.receives() == [Pingresp()] * 50


def test_nothing_is_written_before_the_end_of_the_turn(house: Houses) -> None:
    here = house()
    peer = here.connect()

    def say_and_look() -> list[bytes]:
        peer.connection.data_received(Pingreq().encode())
        return list(peer.transport.writes)

    assert here.loop.turn(say_and_look) == []
    assert peer.receives() == [Pingresp()]


def test_all_receivers_of_a_turn_are_flushed_with_one_write_each(house: Houses) -> None:
    here = house()
    receivers = []
    for number in range(3):
        receiver = here.connect(f"r{number}")
        receiver.sends(Subscribe(1, (SubscribeFilter("t", 0),)))
        receiver.receives()
        receivers.append(receiver)
    here.connect("sender").sends(*[Publish("t", b"x")] * 10)
    assert [len(receiver.transport.writes) for receiver in receivers] == [1, 1, 1]
    assert [len(receiver.receives()) for receiver in receivers] == [10, 10, 10]


def test_octets_and_packets_are_counted_for_client_and_broker(house: Houses) -> None:
    here = house()
    peer = here.peer()
    sent = connect_packet("c").encode()
    peer.sends(sent)
    counters = peer.connection.channel.counters
    received = sum(map(len, peer.transport.writes))
    assert (counters.recv_oct, counters.recv_cnt, counters.recv_pkt) == (len(sent), 1, 1)
    assert (counters.send_oct, counters.send_cnt, counters.send_pkt) == (received, 1, 1)
    counted = here.playbook.counted()
    assert (counted["bytes.received"], counted["bytes.sent"]) == (len(sent), received)


def test_the_client_is_known_by_its_address(house: Houses) -> None:
    peer = house().peer(peername=("::ffff:192.0.2.1", 4711, 0, 0), sockname=("::", 1883, 0, 0))
    client = peer.connection.channel.client
    assert (client.peerhost, client.peerport, client.sockport) == ("192.0.2.1", 4711, 1883)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("::ffff:10.0.0.1", "10.0.0.1"), ("::1", "::1"), ("::ffff:0:1", "::ffff:0:1"), ("a", "a")],
)
def test_addresses_mapped_into_ipv6_are_shown_as_ipv4(host: str, expected: str) -> None:
    assert unmapped(host) == expected


# -- order while a check takes time ------------------------------------------------------------


def test_packets_wait_in_order_while_a_check_takes_its_time(house: Houses) -> None:
    here = house()
    receiver = subscribing(here, "#")
    sender = here.connect("sender")
    acl = SlowAcl(here)
    sender.sends(Publish("a", b"1", 1, packet_id=1), Publish("b", b"2"), Pingreq())
    assert acl.asked == ["a"]
    assert not sender.transport.reads
    assert sender.connection.backlog_len() == 2
    sender.sends(Publish("c", b"3"))  # what was on its way when reading paused
    acl.allows("a")
    assert acl.asked == ["a", "b"]
    assert sender.receives() == [Puback(1)]
    acl.allows("b")
    assert sender.receives() == [Pingresp()]
    acl.allows("c")
    assert [packet.payload for packet in receiver.receives()] == [b"1", b"2", b"3"]
    assert sender.transport.reads


def test_other_clients_do_not_wait(house: Houses) -> None:
    here = house()
    slow, quick = here.connect("slow"), here.connect("quick")
    SlowAcl(here)
    slow.sends(Publish("a", b""))
    quick.sends(Pingreq())
    assert quick.receives() == [Pingresp()]


def test_a_client_that_goes_while_its_check_runs_leaves_nothing_behind(house: Houses) -> None:
    here = house()
    receiver = subscribing(here, "#")
    sender = here.connect("sender", will=Will("will", b"gone"))
    acl = SlowAcl(here)
    sender.sends(Publish("a", b"1"), Publish("b", b"2"))
    here.core.hooks.point("client.check_acl").remove(acl.check)
    sender.transport.lose()
    here.loop.turns()
    assert [packet.topic for packet in receiver.receives()] == ["will"]
    assert acl.asked == ["a"]
    assert sender.connection.backlog_len() == 0


def test_a_check_that_never_began_leaves_nothing_behind(house: Houses) -> None:
    here = house()
    peer = here.connect()

    async def check(*_: object) -> Ok:
        return Ok(value=True)

    here.playbook.hook("client.check_acl", check)

    def come_and_go() -> None:
        peer.connection.data_received(Publish("t", b"").encode(MQTT_5))
        peer.connection.connection_lost(None)

    here.loop.turn(come_and_go)
    here.loop.turns()
    gc.collect()  # a coroutine that was never awaited would be a warning, and that an error


def test_a_client_that_is_kicked_while_its_check_runs_is_not_obeyed_afterwards(
    house: Houses,
) -> None:
    here = house()
    receiver = subscribing(here, "#")
    sender = here.connect("sender")
    acl = SlowAcl(here)
    sender.sends(Publish("a", b"1"), Pingreq())
    here.loop.turn(here.playbook.broker.kick, "sender")
    here.loop.turns()
    assert receiver.receives() == []
    assert only(sender.receives()).reason_code == ReasonCode.ADMINISTRATIVE_ACTION
    assert acl.answers["a"].cancelled() or not acl.answers["a"].done()


def test_a_check_that_fails_refuses_and_goes_on_with_the_next_packet(house: Houses) -> None:
    here = house()
    sender = here.connect("sender")
    acl = SlowAcl(here)
    sender.sends(Publish("a", b"1", 1, packet_id=1), Pingreq())
    acl.fails("a")
    assert sender.receives() == [Puback(1, ReasonCode.NOT_AUTHORIZED), Pingresp()]


def test_an_error_behind_a_waiting_packet_is_answered_in_its_turn(house: Houses) -> None:
    here = house()
    sender = here.connect("sender")
    acl = SlowAcl(here)
    sender.sends(Publish("a", b"1", 1, packet_id=1), b"\x00\x00")
    assert sender.receives() == []
    acl.allows("a")
    puback, disconnect = sender.receives()
    assert puback == Puback(1, ReasonCode.NO_MATCHING_SUBSCRIBERS)
    assert disconnect.reason_code == ReasonCode.MALFORMED_PACKET


def test_authentication_that_takes_time_keeps_what_comes_behind_connect(house: Houses) -> None:
    here = house()
    answer = here.loop.create_future()
    here.playbook.always("client.authenticate", answer)
    peer = here.peer()
    peer.sends(connect_packet("c"), Pingreq())
    assert peer.receives() == []
    here.loop.turn(answer.set_result, None)
    here.loop.turns()
    connack, pingresp = peer.receives()
    assert (connack.reason_code, pingresp) == (0, Pingresp())


@pytest.mark.pure("the bug is put into the router")
def test_a_bug_of_ours_behind_a_check_ends_that_connection_only(house: Houses, caplog) -> None:
    here = house()
    peer, other = here.connect("c"), here.connect("other")
    acl = SlowAcl(here)
    peer.sends(Publish("a", b"1"))
    here.core.router.match = None  # type: ignore[method-assign, assignment]
    acl.allows("a")
    assert peer.transport.closing
    assert not other.transport.closing
    assert "A packet of client c failed" in caplog.text
    assert only(peer.receives()).reason_code == ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR


def test_a_bug_of_ours_at_one_receiver_reaches_neither_publisher_nor_the_others(
    house: Houses, caplog: pytest.LogCaptureFixture
) -> None:
    here = house()
    broken, sound = here.connect("broken"), here.connect("sound")
    for receiver in (broken, sound):
        receiver.sends(Subscribe(1, (SubscribeFilter("t", 0),)))
        receiver.receives()
    broken.connection.channel.wire = BrokenWire()
    broken.connection.channel.set_congested(False)
    sender = here.connect("sender")
    sender.sends(Publish("t", b"x"), Pingreq())
    assert sender.receives() == [Pingresp()]
    assert sound.receives() == [Publish("t", b"x")]
    assert caplog.records


# -- flow control ------------------------------------------------------------------------------


def test_a_peer_that_does_not_read_is_neither_written_to_nor_read_from(house: Houses) -> None:
    here = house()
    receiver = subscribing(here)
    here.loop.turn(receiver.connection.pause_writing)
    assert not receiver.transport.reads
    here.connect("sender").sends(*[Publish("t", b"x")] * 5)
    assert receiver.receives() == []
    here.loop.turn(receiver.connection.resume_writing)
    assert len(receiver.receives()) == 5
    assert receiver.transport.reads


def test_reading_stays_paused_while_either_reason_holds(house: Houses) -> None:
    here = house()
    sender = here.connect("sender")
    acl = SlowAcl(here)
    sender.sends(Publish("a", b""))
    here.loop.turn(sender.connection.pause_writing)
    acl.allows("a")
    assert not sender.transport.reads
    here.loop.turn(sender.connection.resume_writing)
    assert sender.transport.reads


def test_one_turn_writes_no_more_than_the_buffer_holds(house: Houses) -> None:
    here = house(zone={"max_output_buffer": 1_000})
    receiver = subscribing(here)
    assert receiver.transport.high == 1_000

    def flood() -> int:
        for _ in range(50):
            here.playbook.publish("t", bytes(100))
        return receiver.connection.pending_bytes()

    assert here.loop.turn(flood) <= 1_000 + 110
    here.loop.turns(20)
    assert len(receiver.receives()) == 50


def test_a_hold_is_lifted_only_when_the_socket_took_the_bytes(house: Houses) -> None:
    here = house(zone={"max_output_buffer": 1_000})
    receiver = subscribing(here)
    receiver.transport.buffered = 900

    def flood() -> None:
        for _ in range(50):
            here.playbook.publish("t", bytes(100))

    here.loop.turn(flood)
    here.loop.turns()
    first = len(receiver.receives())
    assert first < 50
    here.loop.advance(0.02)
    assert receiver.receives() == []
    receiver.transport.buffered = 0
    here.loop.advance(0.02)
    here.loop.turns(20)
    assert first + len(receiver.receives()) == 50


def test_bytes_that_wait_show_in_the_reports(house: Houses) -> None:
    here = house()
    peer = here.connect()
    peer.transport.buffered = 10
    peer.sends(b"\x30\x0a\x00")
    assert peer.connection.pending_bytes() == 13


def test_taking_bytes_is_a_sign_of_life(house: Houses) -> None:
    here = house()
    peer = here.connect()
    before = peer.connection.activity()
    here.loop.turn(peer.connection.pause_writing)
    peer.transport.buffered = 10
    assert peer.connection.activity() != before


# -- ends --------------------------------------------------------------------------------------


def test_what_was_said_before_the_end_is_sent(house: Houses) -> None:
    here = house()
    peer = here.connect()
    peer.sends(Pingreq(), connect_packet("c"))
    pingresp, disconnect = peer.receives()
    assert (pingresp, type(disconnect)) == (Pingresp(), Disconnect)
    assert peer.transport.closing


def test_a_lost_connection_is_cleaned_up(house: Houses) -> None:
    here = house()
    peer = here.connect("c")
    assert here.listener.record().current_conns == 1
    peer.transport.lose()
    assert here.listener.record().current_conns == 0
    assert here.listener.record().shutdown_count == {"tcp_closed": 1}
    assert (here.core.cm.live, here.core.cm.channels) == (0, {})


@pytest.mark.parametrize(
    ("error", "reason"), [(None, "tcp_closed"), (ConnectionResetError(), "tcp_error")]
)
def test_why_a_connection_was_lost_is_told(
    house: Houses, error: Exception | None, reason: str
) -> None:
    here = house()
    here.playbook.watch("client.disconnected")
    here.connect().transport.lose(error)
    assert here.playbook.told == [("client.disconnected", reason)]


def test_a_goodbye_is_counted_as_one(house: Houses) -> None:
    here = house()
    here.connect().sends(Disconnect())
    here.loop.turns()
    assert here.listener.record().shutdown_count == {"normal": 1}


def test_messages_for_a_connection_that_is_gone_harm_nobody(house: Houses) -> None:
    here = house()
    receiver = subscribing(here)

    def publish_and_go() -> None:
        here.playbook.publish("t")
        receiver.connection.connection_lost(None)
        here.playbook.publish("t")

    here.loop.turn(publish_and_go)
    assert receiver.transport.writes == []


def test_a_peer_that_does_not_take_the_last_bytes_is_cut_off(house: Houses) -> None:
    here = house()
    peer = here.connect()
    peer.transport.buffered = 100
    peer.sends(Disconnect())
    here.loop.advance(FORCE_CLOSE_AFTER_S - 0.1)
    assert not peer.transport.aborted
    here.loop.advance(0.2)
    assert peer.transport.aborted


def test_a_peer_that_ends_its_half_ends_the_connection(house: Houses) -> None:
    here = house()
    peer = here.connect()
    here.loop.turn(peer.connection.eof_received)
    assert peer.transport.closing
    assert here.listener.record().current_conns == 0


def test_a_connect_that_comes_by_drops_has_no_more_time_than_one_that_does_not_come(
    house: Houses,
) -> None:
    here = house()
    peer = here.peer()
    timeout_s = here.core.config.zones["external"].idle_timeout_s
    for byte in connect_packet("c").encode()[: int(timeout_s)]:
        assert not peer.transport.closing
        peer.sends(bytes((byte,)))
        here.loop.turn(here.playbook.advance, 1.0)
    here.loop.turns()
    assert peer.transport.closing
    assert here.listener.record().shutdown_count == {"idle_timeout": 1}
    assert here.core.metrics.limit_idle_timeout == 1


def test_bad_packets_end_their_connections_at_once_and_are_counted(house: Houses) -> None:
    here = house()
    for bad in (b"\x00\x00", b"\x10\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"):
        peer = here.peer()
        peer.sends(bad)
        assert peer.transport.closing
    here.loop.turns()
    record = here.listener.record()
    assert (record.current_conns, sum(record.shutdown_count.values())) == (0, 3)


def test_closing_twice_closes_once(house: Houses) -> None:
    here = house()
    peer = here.connect()
    here.loop.turn(peer.connection.close)
    here.loop.turn(peer.connection.close)
    here.loop.turn(peer.connection.abort)
    assert here.listener.record().current_conns == 0


def test_a_take_over_tells_the_old_connection_and_closes_it(house: Houses) -> None:
    here = house()
    first = here.connect("c")
    here.connect("c")
    here.loop.turns()
    assert only(first.receives()).reason_code == ReasonCode.SESSION_TAKEN_OVER
    assert first.transport.closing
    assert here.listener.record().shutdown_count == {"discarded": 1}
    assert here.core.cm.live == 1


def test_refused_clients_hear_why_before_the_socket_closes(house: Houses) -> None:
    here = house()
    here.playbook.always("client.authenticate", Stop(None))
    peer = here.peer()
    peer.sends(connect_packet("", clean_start=False, version=3))
    here.loop.turns()
    assert peer.transport.writes == [b"\x20\x02\x00\x02"]
    assert peer.transport.closing


# -- the end, where the socket can be closed by half ---------------------------------------------


def lingering(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a peer's socket be closed by half; return what happens to it."""
    ends: list[str] = []
    monkeypatch.setattr(peer.transport, "can_write_eof", lambda: True, raising=False)
    monkeypatch.setattr(peer.transport, "write_eof", lambda: ends.append("eof"), raising=False)
    return ends


def test_who_is_told_why_gets_the_time_to_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    peer = house.connect()
    ends = lingering(peer, monkeypatch)
    peer.sends(b"\x00\x00")
    (farewell,) = peer.receives()
    assert isinstance(farewell, Disconnect)
    assert (ends, peer.transport.closing) == (["eof"], False)
    peer.sends(Publish("t", b"too late"))
    assert house.core.metrics.snapshot()["messages.received"] == 0
    house.loop.turn(peer.connection.connection_lost, None)
    house.close()


def test_who_does_not_go_in_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    peer = house.connect()
    lingering(peer, monkeypatch)
    peer.sends(b"\x00\x00")
    house.loop.advance(LINGER_S + 0.1)
    assert peer.transport.aborted
    house.close()


def test_who_does_not_read_the_last_words_has_the_time_of_any_slow_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    peer = house.connect()
    lingering(peer, monkeypatch)
    peer.transport.buffered = 100
    peer.sends(b"\x00\x00")
    house.loop.advance(LINGER_S + 0.1)
    assert not peer.transport.aborted
    house.loop.advance(FORCE_CLOSE_AFTER_S)
    assert peer.transport.aborted
    house.close()


def test_who_sends_very_much_at_once_lets_others_have_their_turn() -> None:
    house = House()
    house.core.hooks.point("message.acked").add(lambda *_: None)
    busy, other = house.connect("busy"), house.connect("other")
    busy.sends(*(Publish("t", b"%d" % i, 1, packet_id=i) for i in range(1, 2 * SLICE + 2)))
    assert [p.packet_id for p in busy.receives()] == list(range(1, SLICE + 1))
    assert not busy.transport.reads
    other.sends(Publish("t", b"x", 1, packet_id=7))
    assert [p.packet_id for p in other.receives()] == [7]
    house.loop.turns(6)
    assert [p.packet_id for p in busy.receives()] == list(range(SLICE + 1, 2 * SLICE + 2))
    assert busy.transport.reads
    house.close()


def test_what_a_lost_client_had_sent_and_nobody_has_handled_is_counted() -> None:
    house = House()
    house.core.hooks.point("message.acked").add(lambda *_: None)
    busy = house.connect("busy")
    before = house.core.metrics.snapshot()
    packets = [Publish("t", b"x", 1, packet_id=i) for i in range(1, 2 * SLICE + 2)]
    channel = busy.connection.channel
    busy.loop.run_until_complete(_sent_and_lost(busy, packets))
    busy.loop.turns(6)
    after = house.core.metrics.snapshot()
    assert after["messages.received"] - before["messages.received"] == SLICE
    assert after["packets.publish.dropped"] - before["packets.publish.dropped"] == SLICE + 1
    assert channel.counters.recv_msg_dropped == SLICE + 1
    house.close()


async def _sent_and_lost(peer: Peer, packets: list[Publish]) -> None:
    """Send packets, and lose the connection in the same turn."""
    peer.connection.data_received(b"".join(packet.encode(MQTT_5) for packet in packets))
    peer.connection.connection_lost(ConnectionResetError())


def test_subscribing_costs_more_of_a_turn_and_what_is_wrong_behind_it_is_still_found() -> None:
    house = House()
    peer = house.connect("c")
    packets = [Subscribe(i, (SubscribeFilter(f"t/{i}", 0),)) for i in range(1, 41)]
    peer.sends(*packets, b"\x00\x00")
    first = len(peer.receives())
    assert first < 40
    house.loop.turns(8)
    later = peer.receives()
    assert [type(p) for p in later] == [Suback] * (40 - first) + [Disconnect]
    house.close()


def test_a_packet_with_very_many_filters_is_obeyed_in_slices_and_in_order() -> None:
    house = House()
    peer = house.connect("c")
    names = [f"t/{i}" for i in range(3 * FILTERS_A_TURN)]
    wanted = tuple(SubscribeFilter(name, qos=1) for name in names)
    bad = SubscribeFilter("a/#/b", 0)
    peer.sends(Subscribe(1, (*wanted, bad)), Unsubscribe(2, tuple(names)), Pingreq())
    assert peer.receives() == []
    house.loop.turns(9)
    granted, removed, pong = peer.receives()
    assert granted == Suback(1, (*(1,) * len(names), ReasonCode.TOPIC_FILTER_INVALID))
    assert removed == Unsuback(2, (0,) * len(names))
    assert pong == Pingresp()
    house.close()


def test_who_leaves_while_its_filters_are_entered_leaves_nothing_behind() -> None:
    house = House()
    peer = house.connect("c")
    peer.sends(Subscribe(1, tuple(SubscribeFilter(f"t/{i}", 0) for i in range(5 * FILTERS_A_TURN))))
    house.loop.turns(2)
    peer.transport.lose()
    house.loop.turns(9)
    assert house.core.router.match("t/0").receivers == ()
    house.close()
