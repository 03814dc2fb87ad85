"""What a connection may not send before the storage is safe, and what it does meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.broker.ports import NullStorage, Waiting
from app.mqtt.packets import MQTT_5, PINGREQ, PINGRESP, Connack, Disconnect, Puback, Publish
from tests.harness.playbook import connect_packet
from tests.unit.broker.wires import House, Peer


class SlowStorage(NullStorage):
    """Is safe when the test says so."""

    def __init__(self) -> None:
        self.mark = 0
        self.safe = 0
        self.is_behind = False
        self.waiting: list[Waiting] = []

    def when_safe(self, waiting: Waiting) -> None:
        self.waiting.append(waiting)

    def becomes_safe(self, mark: int) -> None:
        self.safe = mark
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.on_safe()


@pytest.fixture
def storage() -> SlowStorage:
    return SlowStorage()


@pytest.fixture
def peer(house: Callable[..., House], storage: SlowStorage) -> Peer:
    """Return a client all of whose messages are something to the storage."""
    made = house(storage=storage)

    def says(message: object) -> object:
        storage.mark += 1
        return message

    made.playbook.hook("message.publish", says)
    return made.connect("c")


def publish(peer: Peer, packet_id: int) -> None:
    peer.sends(Publish("t", b"x", 1, packet_id=packet_id))


def acknowledged(peer: Peer) -> list[int]:
    packets = peer.receives()
    assert all(isinstance(packet, Puback) for packet in packets), packets
    return [packet.packet_id for packet in packets if isinstance(packet, Puback)]


def test_acknowledgements_leave_in_order_as_far_as_it_is_safe(
    peer: Peer, storage: SlowStorage
) -> None:
    for packet_id in (1, 2, 3):
        publish(peer, packet_id)
    assert acknowledged(peer) == []
    storage.becomes_safe(2)
    assert acknowledged(peer) == [1, 2]
    storage.becomes_safe(2)
    assert acknowledged(peer) == []
    publish(peer, 4)
    storage.becomes_safe(4)
    assert acknowledged(peer) == [3, 4]
    assert peer.connection.held is None


def test_what_waits_behind_a_kept_packet_keeps_its_place(peer: Peer, storage: SlowStorage) -> None:
    publish(peer, 1)
    peer.connection.channel.send_ack(4, Puback(9).encode(MQTT_5))  # type: ignore[arg-type]
    peer.loop.turns()
    assert acknowledged(peer) == []
    storage.becomes_safe(1)
    assert acknowledged(peer) == [1, 9]


def test_a_ping_is_answered_meanwhile(peer: Peer, storage: SlowStorage) -> None:
    publish(peer, 1)
    peer.sends(PINGREQ)
    assert peer.receives() == [PINGRESP]
    storage.becomes_safe(1)
    assert acknowledged(peer) == [1]


def test_the_last_words_wait_and_then_the_connection_ends(peer: Peer, storage: SlowStorage) -> None:
    publish(peer, 1)
    peer.sends(Disconnect())
    assert not peer.transport.closing
    storage.becomes_safe(1)
    assert acknowledged(peer) == [1]
    peer.loop.turns()
    assert peer.transport.closing


def test_nobody_waits_for_a_connection_that_is_gone(peer: Peer, storage: SlowStorage) -> None:
    publish(peer, 1)
    peer.transport.lose()
    storage.becomes_safe(1)
    assert storage.waiting == []


def test_a_client_is_not_read_from_while_too_much_waits(peer: Peer, storage: SlowStorage) -> None:
    storage.is_behind = True
    publish(peer, 1)
    assert not peer.transport.reads
    assert peer.connection.core.metrics.storage_paused == 1
    storage.is_behind = False
    storage.becomes_safe(1)
    assert peer.transport.reads


def test_what_waits_counts_as_output(peer: Peer, storage: SlowStorage) -> None:
    publish(peer, 1)
    assert peer.connection.pending_bytes() > 0
    storage.becomes_safe(1)
    assert peer.connection.pending_bytes() == 0


def test_nothing_goes_past_connack(house: Callable[..., House], storage: SlowStorage) -> None:
    made = house(storage=storage)

    def says(*_: object) -> None:
        storage.mark += 1

    made.playbook.hook("session.created", says)
    peer = made.peer()
    peer.sends(connect_packet("c"), PINGREQ)
    assert peer.receives() == []
    storage.becomes_safe(storage.mark)
    assert [type(packet) for packet in peer.receives()] == [Connack, type(PINGRESP)]
