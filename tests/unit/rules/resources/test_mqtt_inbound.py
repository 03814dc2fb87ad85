"""The receiving half of our MQTT client."""

from __future__ import annotations

import itertools

import pytest

from app.broker.ports import NullStorage, Waiting
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsubscribe,
)
from app.rules.resources.mqtt_inbound import Inbound, Receiver


class SlowStorage(NullStorage):
    """Is safe when the test says so."""

    def __init__(self) -> None:
        self.mark = self.safe = 0
        self._waiting: list[Waiting] = []

    def when_safe(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)

    def is_safe(self, mark: int) -> None:
        self.safe = mark
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.on_safe()


class Half:
    """An inbound half with what it sends and hands on; what begins with `keep` is told to the storage."""

    def __init__(self, version: int = MQTT_5) -> None:
        self.sent: list[Packet] = []
        self.heard: list[bytes] = []
        ids = itertools.count(1)
        self.storage = SlowStorage()
        receiver = Receiver(self._hear, lambda: self.storage)
        self.inbound = Inbound("c", version, self.sent.append, lambda: next(ids), receiver)

    def _hear(self, packet: Publish) -> None:
        self.heard.append(packet.payload)
        if packet.payload.startswith(b"keep"):
            self.storage.mark += 1
        if packet.payload == b"bug":
            raise RuntimeError


def test_messages_are_handed_on_and_then_acknowledged() -> None:
    half = Half()
    half.inbound.take(Publish("t", b"0"))
    half.inbound.take(Publish("t", b"1", 1, packet_id=5))
    half.inbound.take(Publish("t", b"bug", 1, packet_id=6))
    assert half.heard == [b"0", b"1", b"bug"]
    assert half.sent == [Puback(5), Puback(6)]


def test_a_message_at_qos_2_is_handed_on_once_also_over_another_connection() -> None:
    half = Half()
    half.inbound.take(Publish("t", b"2", 2, packet_id=5))
    half.inbound.resume(session_present=True)
    half.inbound.take(Publish("t", b"2", 2, dup=True, packet_id=5))
    half.inbound.release(Pubrel(5))
    assert half.heard == [b"2"]
    assert half.sent == [Pubrec(5), Pubrec(5), Pubcomp(5)]
    half.inbound.take(Publish("t", b"next", 2, packet_id=5))
    half.inbound.resume(session_present=False)
    half.inbound.take(Publish("t", b"of a new session", 2, packet_id=5))
    assert half.heard == [b"2", b"next", b"of a new session"]


@pytest.mark.parametrize(
    ("version", "filters"),
    [
        (MQTT_3_1_1, (SubscribeFilter("a", 1), SubscribeFilter("$share/g/b", 2))),
        (
            MQTT_5,
            (
                SubscribeFilter("a", 1, True, True, 1),
                SubscribeFilter("$share/g/b", 2, False, True, 1),
            ),
        ),
    ],
)
def test_what_is_wanted_is_asked_for_at_every_connection(
    version: int, filters: tuple[SubscribeFilter, ...]
) -> None:
    half = Half(version)
    half.inbound.subscribe("a", 1)
    half.inbound.subscribe("$share/g/b", 2)
    half.sent.clear()
    half.inbound.resume(session_present=False)
    assert half.sent == [Subscribe(3, filters)]
    half.inbound.unsubscribe("a")
    half.inbound.unsubscribe("never")
    assert half.sent[1:] == [Unsubscribe(4, ("a",))]
    assert half.inbound.wanted == {"$share/g/b": 2}


def test_a_refused_subscription_is_known_until_it_is_granted() -> None:
    half = Half()
    half.inbound.subscribe("a", 1)
    assert half.inbound.is_in_use(1)
    half.inbound.answered(Suback(1, (0x87,)))
    assert half.inbound.refused == {"a"} and not half.inbound.is_in_use(1)
    half.inbound.resume(session_present=False)
    half.inbound.answered(Suback(2, (1,)))
    assert half.inbound.refused == set()


def test_a_message_is_acknowledged_when_what_is_kept_of_it_is_on_disk_and_in_its_turn() -> None:
    half = Half()
    half.inbound.take(Publish("t", b"free", 1, packet_id=1))
    half.inbound.take(Publish("t", b"keep 1", 1, packet_id=2))
    half.inbound.take(Publish("t", b"keep 2", 2, packet_id=3))
    half.inbound.take(Publish("t", b"free", 1, packet_id=4))
    assert half.sent == [Puback(1)]
    half.storage.is_safe(1)
    assert half.sent[1:] == [Puback(2)]
    half.storage.is_safe(2)
    assert half.sent[2:] == [Pubrec(3), Puback(4)]
    half.inbound.release(Pubrel(3))
    half.inbound.take(Publish("t", b"free", 1, packet_id=5))
    assert half.sent[4:] == [Pubcomp(3), Puback(5)]


def test_what_was_not_acknowledged_over_one_connection_comes_again_over_the_next() -> None:
    half = Half()
    half.inbound.take(Publish("t", b"keep 1", 1, packet_id=1))
    half.inbound.take(Publish("t", b"keep 2", 2, packet_id=2))
    half.inbound.resume(session_present=True)
    half.inbound.take(Publish("t", b"keep 1", 1, dup=True, packet_id=1))
    half.inbound.take(Publish("t", b"keep 2", 2, dup=True, packet_id=2))
    half.storage.is_safe(2)
    assert half.sent == []
    half.storage.is_safe(3)
    assert half.sent == [Puback(1), Pubrec(2)]
    assert half.heard == [b"keep 1", b"keep 2", b"keep 1"]
