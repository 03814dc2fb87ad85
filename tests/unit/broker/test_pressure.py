"""Backpressure: publishers wait for subscribers that are there, in turn, for a bounded time, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.message import Message
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_3_1_1,
    Disconnect,
    Puback,
    Publish,
    Pubrec,
    Subscribe,
    SubscribeFilter,
)
from tests.harness.playbook import LARGEST, connect_packet
from tests.unit.broker.wires import House, Peer

WINDOW, QUEUE, TIMEOUT_S = 1, 2, 10.0
FULL = WINDOW + QUEUE


class Room:
    """A subscriber of `t/+` that acknowledges when it is told to, and publishers."""

    def __init__(self, *, express: bool = True, **zone: Any) -> None:
        self.house = House(zone={"max_inflight": WINDOW, "max_mqueue_len": QUEUE, **zone})
        if not express:
            self.house.core.hooks.point("message.acked").add(lambda *_: None)
        self.heard: list[bytes] = []
        self.subscriber = self.arrive("s", clean_start=False)
        self.subscriber.sends(Subscribe(1, (SubscribeFilter("t/+", qos=2),)).encode(MQTT_3_1_1))
        self.subscriber.receives()
        self.metrics = self.house.core.metrics

    def arrive(self, name: str, *, clean_start: bool = True) -> Peer:
        peer = self.house.peer()
        peer.decoder = FrameDecoder(LARGEST, MQTT_3_1_1, server=False)
        packet = connect_packet(name, version=MQTT_3_1_1, clean_start=clean_start)
        peer.sends(packet.encode(MQTT_3_1_1))
        peer.receives()
        return peer

    def publisher(self, name: str) -> Peer:
        peer = self.arrive(name)
        # The second packet of a client, and all behind it, may take the lane.
        peer.sends(Publish(f"t/{name}", b"first", 0).encode(MQTT_3_1_1))
        self.subscriber.receives()
        return peer

    def fill(self, peer: Peer, name: str, count: int = FULL) -> None:
        send(peer, name, *range(1, count + 1))
        assert acked(peer) == list(range(1, count + 1))

    def take(self, count: int) -> None:
        """Read and acknowledge so many messages, one after the other."""
        for _ in range(count):
            got = [p for p in self.subscriber.receives() if isinstance(p, Publish)]
            if not got:
                return
            (packet,) = got
            self.heard.append(packet.payload)
            self.subscriber.sends(Puback(packet.packet_id or 0).encode(MQTT_3_1_1))
            self.house.loop.turns(4)

    @property
    def queue_len(self) -> int:
        session = self.house.core.cm.channels["s"].session
        assert session is not None
        return len(session.mqueue)


def send(peer: Peer, name: str, *packet_ids: int, qos: int = 1) -> None:
    frames = [
        Publish(f"t/{name}", f"{name}{number}".encode(), qos, packet_id=number).encode(MQTT_3_1_1)
        for number in packet_ids
    ]
    peer.sends(*frames)
    peer.loop.turns(4)


def acked(peer: Peer) -> list[int]:
    return [p.packet_id for p in peer.receives() if isinstance(p, Puback | Pubrec)]


@pytest.fixture(params=[True, False], ids=["lane", "ordinary way"])
def room(request: pytest.FixtureRequest) -> Any:
    made = Room(express=request.param)
    yield made
    made.house.close()


def test_a_publisher_waits_while_the_queue_of_a_connected_subscriber_is_full(room: Room) -> None:
    peer = room.publisher("a")
    room.fill(peer, "a")
    send(peer, "a", 4, 5, 6)
    assert (acked(peer), peer.transport.reads) == ([], False)
    assert room.queue_len == QUEUE + 1
    room.take(1)
    assert acked(peer) == [4]
    room.take(9)
    assert (acked(peer), peer.transport.reads) == ([5, 6], True)
    assert room.heard == [b"a1", b"a2", b"a3", b"a4", b"a5", b"a6"]
    assert room.metrics.backpressure_waits == 3
    assert room.metrics.delivery_dropped_queue_full == 0


def test_qos_2_waits_with_its_pubrec(room: Room) -> None:
    peer = room.publisher("a")
    room.fill(peer, "a")
    send(peer, "a", 4, qos=2)
    assert acked(peer) == []
    room.take(1)
    assert acked(peer) == [4]


def test_publishers_go_on_in_the_order_in_which_they_had_to_wait(room: Room) -> None:
    names = ("a", "b", "c")
    peers = {name: room.publisher(name) for name in names}
    room.fill(peers["a"], "a")
    for name in names:
        send(peers[name], name, 11, 12)
    released = []
    for _ in range(6):
        room.take(1)
        released += [f"{name}{number}" for name in names for number in acked(peers[name])]
        assert room.queue_len <= QUEUE + len(names)
    assert released == ["a11", "b11", "c11", "a12", "b12", "c12"]


def test_publishers_to_others_do_not_wait(room: Room) -> None:
    peer, other = room.publisher("a"), room.publisher("b")
    room.fill(peer, "a")
    send(peer, "a", 4)
    other.sends(Publish("elsewhere", b"x", 1, packet_id=9).encode(MQTT_3_1_1))
    assert acked(other) == [9]


def test_a_subscriber_that_goes_lets_its_publishers_go_on_and_keeps_what_it_was_promised(
    room: Room,
) -> None:
    peer = room.publisher("a")
    room.fill(peer, "a")
    send(peer, "a", 4)
    room.subscriber.sends(Disconnect().encode(MQTT_3_1_1))
    room.house.loop.turns(4)
    assert (acked(peer), peer.transport.reads) == ([4], True)
    assert room.metrics.delivery_dropped_queue_full == 0
    # Who is away is not waited for: the oldest goes, as in EMQX.
    send(peer, "a", 5)
    assert acked(peer) == [5]
    assert room.metrics.delivery_dropped_queue_full == 1


def test_after_the_timeout_the_oldest_go_until_there_is_room_again(room: Room) -> None:
    peer = room.publisher("a")
    room.fill(peer, "a")
    send(peer, "a", 4)
    room.house.playbook.advance(TIMEOUT_S - 1)
    room.house.loop.turns(4)
    assert acked(peer) == []
    room.house.playbook.advance(2)
    room.house.loop.turns(4)
    assert (acked(peer), room.queue_len) == ([4], QUEUE)
    assert (room.metrics.backpressure_timeouts, room.metrics.delivery_dropped_queue_full) == (1, 1)
    send(peer, "a", 5)
    assert acked(peer) == [5]
    assert room.metrics.delivery_dropped_queue_full == 2
    room.take(2)
    send(peer, "a", 6, 7, 8, 9)
    assert len(acked(peer)) == 2
    assert room.metrics.backpressure_timeouts == 1


def test_who_has_gone_is_not_missed_when_its_turn_comes(room: Room) -> None:
    peer, other = room.publisher("a"), room.publisher("b")
    room.fill(peer, "a")
    send(peer, "a", 4)
    send(other, "b", 1)
    peer.transport.lose()
    room.take(2)
    assert acked(other) == [1]


def test_a_publisher_that_leaves_while_it_waits_holds_up_nothing_and_is_whole_when_it_is_back(
    room: Room,
) -> None:
    peer = room.publisher("a")
    room.fill(peer, "a")
    send(peer, "a", 4, 5, 6)
    assert acked(peer) == []
    peer.transport.lose()
    room.take(1)
    again = room.arrive("a")
    # What it has sent and not heard of it sends again, as MQTT wants it from clients.
    for number in (4, 5, 6):
        send(again, "a", number)
        room.take(FULL)
    assert acked(again) == [4, 5, 6]
    room.take(FULL)
    assert list(dict.fromkeys(room.heard)) == [b"a%d" % number for number in range(1, 7)]
    assert room.metrics.delivery_dropped_queue_full == 0
    assert room.queue_len == 0


def test_nobody_waits_for_himself_nor_for_who_waits_for_him(room: Room) -> None:
    a, b = room.publisher("a"), room.publisher("b")
    for peer, topic in ((a, "u/a"), (b, "u/b")):
        peer.sends(Subscribe(1, (SubscribeFilter(topic, qos=1),)).encode(MQTT_3_1_1))
        peer.receives()
    for number in range(1, FULL + 2):
        b.sends(Publish("u/a", b"x", 1, packet_id=number).encode(MQTT_3_1_1))
    b.loop.turns(4)
    assert acked(b) == [1, 2, 3]
    for number in range(1, FULL + 2):
        a.sends(Publish("u/b", b"x", 1, packet_id=number).encode(MQTT_3_1_1))
    # The one who is waited for does not wait in turn.
    assert acked(a) == [1, 2, 3, 4]
    for number in range(11, 13):
        a.sends(Publish("u/a", b"x", 1, packet_id=number).encode(MQTT_3_1_1))
    assert acked(a) == [11, 12]


def test_what_nobody_can_be_made_to_wait_for_never_waits(room: Room) -> None:
    peer = room.publisher("a")
    room.fill(peer, "a")
    assert room.house.core.publish(Message("t/x", b"of a rule", 1, False, 0)) == 1
    assert room.queue_len == QUEUE
    assert room.metrics.backpressure_waits == 0
    assert room.metrics.delivery_dropped_queue_full == 1


def test_qos_0_makes_room_for_what_is_promised_and_never_takes_it(room: Room) -> None:
    peer = room.publisher("a")
    connection = room.subscriber.connection
    room.house.loop.turn(connection.pause_writing)
    send(peer, "a", 1)
    peer.sends(Publish("t/a", b"q", 0).encode(MQTT_3_1_1))
    send(peer, "a", 2)
    assert acked(peer) == [1, 2]
    assert room.metrics.delivery_dropped_qos0_msg == 1
    peer.sends(Publish("t/a", b"q", 0).encode(MQTT_3_1_1))
    assert room.metrics.delivery_dropped_qos0_msg == 2
    assert room.queue_len == QUEUE


def test_a_client_that_waits_is_not_taken_for_dead(room: Room) -> None:
    peer = room.publisher("a")
    room.fill(peer, "a")
    before = peer.connection.activity()
    send(peer, "a", 4)
    room.house.loop.now_s += 1
    assert peer.connection.activity() != before
    assert peer.connection.activity()[1] < 0


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_new"])
def test_nobody_waits_where_the_zone_wants_messages_dropped(
    overflow: str, request: pytest.FixtureRequest
) -> None:
    room = Room(mqueue_overflow=overflow)
    request.addfinalizer(room.house.close)
    peer = room.publisher("a")
    send(peer, "a", *range(1, 6))
    assert acked(peer) == [1, 2, 3, 4, 5]
    room.take(9)
    kept = [b"a1", b"a4", b"a5"] if overflow == "drop_oldest" else [b"a1", b"a2", b"a3"]
    assert room.heard == kept
