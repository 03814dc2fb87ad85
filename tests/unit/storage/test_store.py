"""The store between the broker's loop and the thread that writes: what is safe when, and what waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.broker.inflight import Delivery
from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.ports import NO_STORAGE, StoredDelayed, StoredSession, StoredStay
from app.clock import FakeClock
from app.config import StorageSettings
from app.storage.database import JournalDatabase
from app.storage.store import FEWEST_TURNS, Store, storage_for

DEADLINE_S = 10


class FakeHost:
    """A broker that has a few retained messages to say anew."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.store: Store | None = None
        self.live: dict[str, int] = {}
        self.told = 0
        self.failed: list[str] = []

    def tell_all(self) -> Iterator[None]:
        assert self.store is not None
        self.told += 1
        for sequence, topic in enumerate(list(self.live)):
            self.store.retained(message(topic), sequence)
            yield

    def storage_failed(self, why: str) -> None:
        self.failed.append(why)

    def storage_works(self) -> None:
        self.failed.append("works")


class Waits:
    """Somebody who waits for the storage."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def on_safe(self) -> None:
        self.event.set()


def message(topic: str) -> Message:
    return Message(topic, b"x" * 100, 1, True, 1_000)


def session() -> StoredSession:
    return StoredSession(0, "c", 5, StoredStay({"zone": "external"}, 60, 7))


def store_of(path: Path, **settings: Any) -> Store:
    config = replace(StorageSettings(), **settings)
    return Store(config, f"sqlite:///{path / 'broker.db'}", FakeClock())


@asynccontextmanager
async def running(path: Path, **settings: Any) -> AsyncIterator[tuple[Store, FakeHost]]:
    store = store_of(path, **settings)
    store.open()
    host = FakeHost()
    host.store = store
    store.start(host)
    yield store, host
    await store.stop(DEADLINE_S)
    store.close(DEADLINE_S)


async def safe(store: Store) -> None:
    mark = store.mark
    while store.safe < mark:
        waits = Waits()
        store.when_safe(waits)
        await asyncio.wait_for(waits.event.wait(), DEADLINE_S)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the other thread knows no events
            await asyncio.sleep(0.01)


def retained_topics(path: Path) -> list[str]:
    store = store_of(path)
    store.open()
    store.close(0)
    return [kept.topic for _, kept in store.recovered().retained]


def test_what_was_said_is_safe_when_it_is_in_the_file(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(tmp_path) as (store, host):
            store.retained(message("a"), 1)
            assert store.safe < store.mark
            await safe(store)
            assert retained_topics(tmp_path) == ["a"]
            assert host.metrics.storage_groups == 1

    asyncio.run(play())


def test_what_is_said_while_a_group_is_written_is_the_next_group(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(tmp_path) as (store, host):
            store.retained(message("a"), 1)
            await asyncio.sleep(0)
            for number in range(50):
                store.retained(message(f"b/{number}"), number)
            await safe(store)
            assert host.metrics.storage_groups == 2

    asyncio.run(play())


def test_what_is_over_before_it_is_written_is_safe_without_a_row(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(tmp_path) as (store, host):
            log = store.keep(session())
            await safe(store)
            groups = host.metrics.storage_groups
            delivery = Delivery(message("t"), 1, False, None)
            log.took(delivery, 1)
            log.finished(delivery)
            await safe(store)
            assert store.safe == store.mark
            assert host.metrics.storage_groups == groups

    asyncio.run(play())


def test_that_a_delivery_is_over_waits_for_the_next_group_or_for_whoever_waits_for_it(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        async with running(tmp_path) as (store, host):
            log = store.keep(session())
            delivery = Delivery(message("t"), 1, False, None)
            log.took(delivery, 1)
            await safe(store)
            assert host.metrics.storage_groups == 1
            log.finished(delivery)
            assert store.safe < store.mark
            await safe(store)
            assert host.metrics.storage_groups == 2
            log.took(delivery, 2)
            await safe(store)
            log.finished(delivery)
            await until(lambda: store.safe == store.mark)  # nobody has said that he waits

    asyncio.run(play())


def test_a_group_gathers_while_turns_of_the_loop_add_to_it_where_it_may(tmp_path: Path) -> None:
    async def play(gather_s: float) -> int:
        async with running(tmp_path, gather_s=gather_s) as (store, host):
            store.retained(message("a"), 1)
            for number in range(50):
                store.retained(message(f"b/{number}"), number)
                await asyncio.sleep(0)
            await safe(store)
            return host.metrics.storage_groups

    assert asyncio.run(play(1.0)) == 1
    assert asyncio.run(play(0.0)) > 1


def test_a_group_gathers_for_a_few_turns_however_long_they_take(tmp_path: Path) -> None:
    async def play(turns: int) -> int:
        async with running(tmp_path, gather_s=0.005) as (store, host):
            clock = store._clock
            assert isinstance(clock, FakeClock)
            store.retained(message("a"), 1)
            for number in range(turns):
                store.retained(message(f"b/{number}"), number)
                clock.advance(1)
                await asyncio.sleep(0)
            await safe(store)
            return host.metrics.storage_groups

    assert asyncio.run(play(FEWEST_TURNS)) == 1
    assert asyncio.run(play(50)) > 1


def test_in_intervals_nothing_waits_and_the_end_writes_what_is_left(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(tmp_path, sync="interval", interval_s=60.0) as (store, _):
            store.retained(message("a"), 1)
            assert store.safe > store.mark
            assert retained_topics(tmp_path) == []

    asyncio.run(play())
    assert retained_topics(tmp_path) == ["a"]


def test_a_journal_that_grew_too_long_says_what_is_left_and_forgets_the_rest(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        async with running(tmp_path, compact_at=5_000) as (store, host):
            host.live = {"kept/1": 1, "kept/2": 2}
            for number in range(200):
                store.retained(message("over"), number)
                store.retained_is_gone("over")
                await safe(store)
            assert host.told > 1
            assert host.told < 100

    asyncio.run(play())
    assert set(retained_topics(tmp_path)) >= {"kept/1", "kept/2"}
    found = store_of(tmp_path)
    found.open()
    assert found._journal_bytes < 30_000
    found.close(0)


def test_numbers_go_on_after_a_start(tmp_path: Path) -> None:
    async def play() -> int:
        async with running(tmp_path) as (store, _):
            return store.delayed(StoredDelayed(0, message("t"), "t", 1))

    first = asyncio.run(play())
    second = asyncio.run(play())
    assert second > first


def test_too_much_that_waits_is_told(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(tmp_path, max_pending=1_000) as (store, _):
            assert not store.is_behind
            for number in range(20):
                store.retained(message("a"), number)
            assert store.is_behind
            await safe(store)
            assert not store.is_behind

    asyncio.run(play())


def test_a_storage_that_cannot_be_written_says_so_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full = threading.Event()
    is_full.set()
    add = JournalDatabase.add

    def refuses(self: JournalDatabase, number: int, body: bytes) -> None:
        if is_full.is_set():
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        add(self, number, body)

    monkeypatch.setattr(JournalDatabase, "add", refuses)

    async def play(most: int) -> None:
        async with running(tmp_path, max_pending=most) as (store, host):
            is_full.set()
            host.live = {"live/1": 1, "live/2": 2}
            store.retained(message("a"), 1)
            await until(lambda: host.failed)
            assert "disk is full" in host.failed[0]
            failures = host.metrics.storage_failures
            for number in range(100):
                store.retained(message(f"b/{number}"), number)
            await until(lambda: host.metrics.storage_failures > failures)
            assert store.safe == 0
            is_full.clear()
            await safe(store)
            assert host.failed[-1] == "works"

    asyncio.run(play(1_000_000))
    assert len(retained_topics(tmp_path)) == 101
    (tmp_path / "broker.db").unlink()
    # Where too much waits it is given up, and safe when everything was said anew.
    asyncio.run(play(1_000))
    assert {"live/1", "live/2"} <= set(retained_topics(tmp_path))
    assert "b/50" not in retained_topics(tmp_path)


@pytest.mark.pure("it looks more often whether the disk is silent")
def test_a_slow_disk_is_waited_for_and_told_of_when_it_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    add = JournalDatabase.add

    def dawdles(self: JournalDatabase, number: int, body: bytes) -> None:
        assert goes_on.wait(DEADLINE_S)
        add(self, number, body)

    monkeypatch.setattr(JournalDatabase, "add", dawdles)
    monkeypatch.setattr("app.storage.store.WATCH_EVERY_S", 0.01)

    async def play() -> None:
        async with running(tmp_path, max_pending=1_000) as (store, host):
            clock = store._clock
            assert isinstance(clock, FakeClock)
            store.retained(message("a"), 1)
            await until(lambda: store.pending_bytes)
            await asyncio.sleep(0.05)
            assert host.failed == []
            clock.advance(11)
            await until(lambda: host.failed)
            assert host.failed == ["The database of storage.url has not answered for some time."]
            # What nobody waits for is given up and said anew; what is kept of it stays bounded.
            host.live = {"live": 1}
            for number in range(1_000):
                store.retained(message("b"), number)
                if number % 100 == 0:
                    await asyncio.sleep(0.02)
            assert store.safe == 0
            await until(lambda: store.pending_bytes < 20_000)
            goes_on.set()
            await safe(store)
            assert host.failed[-1] == "works"

    asyncio.run(play())
    assert "live" in retained_topics(tmp_path)


def test_a_storage_that_is_off_is_none() -> None:
    off = replace(StorageSettings(), sync="off")
    assert storage_for(off, "sqlite:////no/where", FakeClock()) is NO_STORAGE
