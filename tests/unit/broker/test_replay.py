"""Retained messages for a new subscription, in slices."""

from __future__ import annotations

import pytest

from app.broker.replay import SLICE
from app.mqtt.packets import Puback, Publish, Suback, Subscribe, SubscribeFilter, Unsubscribe
from tests.harness.playbook import Client, Playbook

SOME = 2 * SLICE + 10


def filled(count: int = SOME) -> Playbook:
    playbook = Playbook()
    for number in range(count):
        playbook.publish(f"t/{number}", retain=True)
    return playbook


def begins(playbook: Playbook, qos: int = 0) -> Client:
    """Subscribe to everything; the first slice is there."""
    client = playbook.connect()
    client.sends(Subscribe(1, (SubscribeFilter("#", qos),)))
    return client


def topics(client: Client) -> list[str]:
    return [packet.topic for packet in client.receives() if isinstance(packet, Publish)]


def goes_on(playbook: Playbook) -> None:
    for _ in range(10):
        playbook.settle()


def test_the_first_slice_comes_at_once_and_the_rest_in_order() -> None:
    playbook = filled()
    client = begins(playbook)
    first = client.receives()
    assert first[0] == Suback(1, (0,))
    assert SLICE <= len(first) - 1 < SOME
    goes_on(playbook)
    rest = client.receives()
    got = [packet.topic for packet in (*first[1:], *rest) if isinstance(packet, Publish)]
    assert got == [f"t/{number}" for number in range(SOME)]


def test_the_old_is_not_heard_after_the_new() -> None:
    playbook = filled()
    client = begins(playbook)
    client.receives()
    last = f"t/{SOME - 1}"
    playbook.publish(last, b"new", retain=True)
    playbook.publish(f"t/{SOME - 2}", b"", retain=True)
    goes_on(playbook)
    heard = [(p.topic, p.payload) for p in client.receives() if isinstance(p, Publish)]
    assert [payload for topic, payload in heard if topic == last] == [b"new"]
    assert [payload for topic, payload in heard if topic == f"t/{SOME - 2}"] == [b""]


@pytest.mark.parametrize("again", [False, True])
def test_who_unsubscribes_or_goes_hears_no_more(again: bool) -> None:
    playbook = filled()
    client = begins(playbook)
    heard = len(topics(client))
    if again:
        client.sends(Subscribe(2, (SubscribeFilter("#", 0),)))
        heard = 0
    else:
        client.sends(Unsubscribe(2, ("#",)))
    goes_on(playbook)
    assert heard + len(topics(client)) == (SOME if again else heard)


def test_who_does_not_keep_up_loses_nothing() -> None:
    playbook = filled(3_000)
    client = begins(playbook, qos=1)
    for message in playbook.core.retained.match("#"):
        message.qos = 1
    got: list[str] = []
    for _ in range(200):
        for packet in client.receives():
            if isinstance(packet, Publish):
                got.append(packet.topic)
                if packet.packet_id:
                    client.sends(Puback(packet.packet_id))
        playbook.advance(0.25)
        goes_on(playbook)
    assert got == [f"t/{number}" for number in range(3_000)]
    assert "delivery.dropped" not in playbook.counted()
