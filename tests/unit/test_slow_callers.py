"""Callers that send by drops: who is cut off, and who is not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from app.clock import FakeClock
from app.slow_callers import LONGEST_HEAD_S, SlowCallers

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def callers(clock: FakeClock) -> SlowCallers:
    return SlowCallers(clock.monotonic_s)


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        theirs.settimeout(5)
        yield ours, theirs


def is_open(pair: Pair) -> bool:
    ours, theirs = pair
    try:
        theirs.sendall(b"x")
    except BrokenPipeError:
        return False
    return ours.recv(1) == b"x"


def test_who_takes_longer_than_allowed_is_cut_off(
    callers: SlowCallers, clock: FakeClock, pair: Pair
) -> None:
    with callers.within(pair[0], 10):
        clock.advance(10)
        callers.cut_off()
        assert is_open(pair)
        clock.advance(0.1)
        callers.cut_off()
        assert not is_open(pair)


def test_who_was_in_time_is_left_alone(callers: SlowCallers, clock: FakeClock, pair: Pair) -> None:
    with callers.within(pair[0], 10):
        pass
    clock.advance(100)
    callers.cut_off()
    assert is_open(pair)


def test_once_a_head_has_come_what_follows_has_its_own_time(
    callers: SlowCallers, clock: FakeClock, pair: Pair
) -> None:
    with callers.within(pair[0], 10):
        callers.head_has_come()
        clock.advance(100)
        callers.cut_off()
        assert is_open(pair)


def test_who_has_gone_by_himself_is_no_error(
    callers: SlowCallers, clock: FakeClock, pair: Pair
) -> None:
    with callers.within(pair[0], 10):
        pair[0].close()
        clock.advance(11)
        callers.cut_off()


def test_a_watched_worker_cuts_off_while_it_keeps_house(
    callers: SlowCallers, clock: FakeClock, pair: Pair
) -> None:
    told: list[str] = []

    def handle(_connection: object) -> str:
        clock.advance(LONGEST_HEAD_S + 1)
        worker.murder_pending()
        return "handled"

    worker = SimpleNamespace(handle=handle, murder_pending=lambda: told.append("house kept"))
    callers.watch(worker)
    assert worker.handle(SimpleNamespace(sock=pair[0])) == "handled"
    assert told == ["house kept"]
    assert not is_open(pair)
