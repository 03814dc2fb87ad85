"""Retained messages for a new subscription, in slices."""

from __future__ import annotations

import pytest

from app.broker.records import BanRecord
from app.broker.replay import AWAY_S, SLICE, STEPS_A_TURN
from app.broker.retained import LOOK
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


def test_a_large_store_is_looked_through_in_slices() -> None:
    playbook = filled(5 * LOOK)
    client = begins(playbook)
    assert client.receives() == [Suback(1, (0,))]
    for _ in range(100):
        playbook.settle()
        heard = topics(client)
        assert len(heard) <= STEPS_A_TURN * SLICE
        if heard:
            break
    assert heard == [f"t/{number}" for number in range(len(heard))]


@pytest.mark.parametrize("publishes_after", [1, 4])
def test_what_overtakes_the_walk_is_heard_once(publishes_after: int) -> None:
    count = 5 * LOOK
    playbook = filled(count)
    client = begins(playbook)
    got: list[tuple[str, bytes]] = []
    for turn in range(count // SLICE + 20):
        if turn == publishes_after:
            for number in (0, count // 2, count - 1):
                playbook.publish(f"t/{number}", b"new", retain=True)
            playbook.publish("t/brand-new", b"new", retain=True)
        got += [(p.topic, p.payload) for p in client.receives() if isinstance(p, Publish)]
        playbook.settle()
    assert len(got) == len({topic for topic, _ in got}) == count + 1
    assert sum(payload == b"new" for _, payload in got) == 4
    assert len(playbook.core.replays) == 0


def test_many_subscribers_share_the_turns() -> None:
    playbook = filled(2 * LOOK)
    clients = [playbook.connect(f"c{number}") for number in range(10)]
    for client in clients:
        client.sends(Subscribe(1, (SubscribeFilter("t/#", 0),)))
    for _ in range(50):
        before = sum(len(client.wire.frames) for client in clients)
        playbook.settle()
        sent = sum(len(client.wire.frames) for client in clients) - before
        assert sent <= STEPS_A_TURN * SLICE
    for _ in range(500):
        playbook.settle()
    assert [len(topics(client)) for client in clients] == [2 * LOOK] * 10


def test_a_replay_waits_for_a_client_that_is_away_and_ends_with_its_session() -> None:
    playbook = filled(3 * SLICE)
    stays = {"session_expiry_interval": 60}
    client = playbook.connect("c", properties=stays)
    client.sends(Subscribe(1, (SubscribeFilter("#", 0),)))
    heard = topics(client)
    client.crashes()
    playbook.advance(30)
    goes_on(playbook)
    back = playbook.connect("c", clean_start=False, properties=stays)
    for _ in range(2):
        playbook.advance(AWAY_S)
        goes_on(playbook)
        heard += topics(back)
    assert heard == [f"t/{number}" for number in range(3 * SLICE)]
    back.sends(Subscribe(2, (SubscribeFilter("#", 0),)))
    back.crashes()
    assert len(playbook.core.replays) == 1
    goes_on(playbook)
    playbook.advance(60 + AWAY_S)
    goes_on(playbook)
    assert len(playbook.core.replays) == 0


def test_messages_of_who_is_banned_are_withheld() -> None:
    playbook = Playbook()
    playbook.connect("bad").sends(Publish("t/bad", b"x", retain=True))
    playbook.publish("t/good", retain=True)
    playbook.broker.ban(BanRecord("clientid", "bad", "admin", "", 0, None))
    client = begins(playbook)
    assert topics(client) == ["t/good"]


@pytest.mark.pure("the failure is a queue that is none")
def test_a_replay_that_fails_does_not_end_the_others(caplog) -> None:
    playbook = filled(3 * SLICE)
    broken, client = playbook.connect("broken"), playbook.connect("c")
    for who in (broken, client):
        who.sends(Subscribe(1, (SubscribeFilter("t/#", 0),)))
    broken.session.mqueue = None  # type: ignore[assignment]
    goes_on(playbook)
    assert len(topics(client)) == 3 * SLICE
    assert "A replay to broken failed" in caplog.text
