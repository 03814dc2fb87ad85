"""Rate limits: nothing is dropped, the connection is not read from for a while."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.limiter import TokenBucket, limiter_for
from app.config import Rate, ZoneConfig
from app.config.kinds import rate, size, whole
from app.mqtt.packets import Publish, Subscribe, SubscribeFilter
from tests.unit.broker.wires import House, Peer

Houses = Callable[..., House]


def test_a_zone_without_limits_has_no_limiter() -> None:
    assert limiter_for(ZoneConfig("external"), 0.0) is None


def test_a_full_bucket_is_one_period_s_worth() -> None:
    bucket = TokenBucket(Rate(10, 5.0), 0.0)
    assert bucket.take(10, 0.0) == 0.0
    assert bucket.take(2, 0.0) == 1.0
    assert bucket.take(0, 1.0) == 0.0
    assert bucket.take(10, 1_000.0) == 0.0
    assert bucket.take(1, 1_000.0) == 0.5


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=30))
def test_a_bucket_is_what_filling_it_second_by_second_makes_of_it(
    steps: list[tuple[int, int]],
) -> None:
    bucket = TokenBucket(Rate(20, 10.0), 0.0)
    now_s, tokens = 0, 20
    for count, seconds in steps:
        for _ in range(seconds):
            tokens = min(20, tokens + 2)
        now_s += seconds
        tokens -= count
        assert bucket.take(count, float(now_s)) == max(0, -tokens) / 2


@pytest.mark.parametrize(
    ("text", "made"),
    [("", None), ("100,10s", Rate(100, 10.0)), ("100KB, 1m", Rate(102_400, 60.0))],
)
def test_a_rate_is_an_amount_and_a_period(text: str, made: Rate | None) -> None:
    assert rate(size)(text) == made


@pytest.mark.parametrize("text", ["100", "100,", ",10s", "0,10s", "100,0s", "x,10s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        rate(whole(1))(text)


def messages(count: int, payload: bytes = b"") -> list[Publish]:
    return [Publish("t", payload) for _ in range(count)]


def limited(house: Houses, **zone: Rate) -> tuple[House, Peer, Peer]:
    here = house(zone=zone)
    witness = here.connect("witness")
    witness.sends(Subscribe(1, (SubscribeFilter("t", 0),)))
    witness.receives()
    return here, here.connect("c"), witness


def test_who_is_too_fast_loses_nothing_and_waits(house: Houses) -> None:
    here, peer, witness = limited(house, conn_messages_in=Rate(10, 10.0))
    peer.sends(*messages(10))
    assert peer.transport.reads
    peer.sends(*messages(3))
    assert not peer.transport.reads
    assert len(witness.receives()) == 13
    here.loop.advance(2.9)
    assert not peer.transport.reads
    here.loop.advance(0.2)
    assert peer.transport.reads
    assert here.core.metrics.snapshot()["client.rate_limited"] == 1


def test_other_packets_are_no_messages(house: Houses) -> None:
    _, peer, _ = limited(house, conn_messages_in=Rate(1, 10.0))
    peer.sends(*(Subscribe(number, (SubscribeFilter("x", 0),)) for number in range(1, 9)))
    assert peer.transport.reads


def test_bytes_are_limited_as_well(house: Houses) -> None:
    here, peer, _ = limited(house, conn_bytes_in=Rate(1_000, 10.0))
    peer.sends(*messages(1, bytes(1_990)))
    assert not peer.transport.reads
    here.loop.advance(9.0)
    assert not peer.transport.reads
    here.loop.advance(2.0)
    assert peer.transport.reads


def test_what_came_during_a_pause_makes_it_longer(house: Houses) -> None:
    here, peer, _ = limited(house, conn_messages_in=Rate(10, 10.0))
    peer.sends(*messages(12))
    peer.sends(*messages(3))  # it was on its way already
    here.loop.advance(2.1)
    assert not peer.transport.reads
    here.loop.advance(3.0)
    assert peer.transport.reads


def test_a_client_that_is_held_back_is_not_taken_for_dead(house: Houses) -> None:
    here, _, _ = limited(house, conn_messages_in=Rate(1, 100.0))
    peer = here.connect("quick", keepalive=10)
    peer.sends(*messages(2))
    for _ in range(80):
        here.loop.advance(1.0)
        here.playbook.advance(1.0)
    assert not peer.transport.closing
    here.loop.advance(21.0)
    here.playbook.advance(21.0)
    assert peer.transport.reads
    here.playbook.advance(21.0)
    assert peer.transport.closing


def test_a_connection_that_went_during_a_pause_is_left_alone(house: Houses) -> None:
    here, peer, _ = limited(house, conn_messages_in=Rate(1, 10.0))
    peer.sends(*messages(5))
    peer.transport.lose()
    here.loop.advance(60.0)
    assert not peer.transport.reads
