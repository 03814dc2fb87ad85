"""Actions whose results wait on disk: nothing is forgotten before it is delivered, and nothing comes out of order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.clock import SystemClock
from app.rules.actions.base import ActionSpec, Later
from app.rules.actions.delivery import delivery
from app.rules.actions.queue import QueueLimits
from app.rules.actions.running import Keeping, RunningAction
from app.rules.errors import ActionFailed
from app.rules.outbox.file import FILE, Outbox, Owner
from app.rules.terms.scope import Columns

RULE = "rule:1"


class Target:
    """Somewhere to deliver to."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.is_open = asyncio.Event()
        self.refused: set[int] = set()

    async def deliver(self, output: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
        await self.is_open.wait()
        if output["n"] in self.refused:
            raise ActionFailed("refused")
        self.got.append(output["n"])


class Setup:
    """An action in front of a target, with an outbox."""

    def __init__(self, folder: Path, *, window: int = 4, max_len: int = 1_000) -> None:
        self.target = Target()
        self.outbox = Outbox(folder / FILE)
        self.outbox.open()
        limits = QueueLimits(max_len=window)
        how = delivery(Later(self.target.deliver, 1), {"disk_cache": True}, limits, limits)
        keeping = Keeping(self.outbox, RULE, SystemClock(), max_len)
        self.action = RunningAction(ActionSpec("a", "a", {}), how, (), keeping)

    def take(self, *numbers: int) -> None:
        for number in numbers:
            self.action.take({"n": number}, Columns({"topic": "t"}))

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110 - who waits is a test
                await asyncio.sleep(0.001)

    async def on_disk(self) -> int:
        got: list[int] = []
        self.outbox.count(Owner(RULE, "a"), got.append)
        await self.until(lambda: bool(got))
        return got[0]

    def end(self) -> None:
        self.action.close()
        self.outbox.close()


def test_what_was_not_delivered_is_found_by_the_next_process_in_its_order(tmp_path: Path) -> None:
    async def play() -> None:
        first = Setup(tmp_path)
        first.take(*range(10))
        await first.until(lambda: first.outbox.safe == first.outbox.mark)
        assert first.action.metrics.queued == 10
        first.end()
        second = Setup(tmp_path)
        second.take(10, 11)
        second.target.is_open.set()
        await second.until(lambda: len(second.target.got) == 12)
        assert second.target.got == list(range(12))
        # Newcomers that were on disk before the count are part of it.
        assert second.action.metrics.recovered in (10, 11, 12)
        await second.until(lambda: second.action.metrics.queued == 0)
        assert await second.on_disk() == 0
        second.end()

    asyncio.run(play())


def test_more_than_memory_holds_waits_on_disk_and_comes_in_order(tmp_path: Path) -> None:
    async def play() -> None:
        setup = Setup(tmp_path, window=3)
        setup.take(*range(20))
        await setup.until(lambda: setup.action.metrics.queued == 20)
        setup.target.is_open.set()
        await setup.until(lambda: len(setup.target.got) > 5)
        setup.take(*range(20, 30))
        await setup.until(lambda: len(setup.target.got) == 30)
        assert setup.target.got == list(range(30))
        await setup.until(lambda: setup.action.metrics.queued == 0)
        assert setup.action.metrics.success == 30
        setup.end()

    asyncio.run(play())


def test_what_the_disk_has_no_room_for_is_dropped_and_counted(tmp_path: Path) -> None:
    async def play() -> None:
        setup = Setup(tmp_path, max_len=5)
        setup.take(*range(7))
        metrics = setup.action.metrics
        assert (metrics.dropped, metrics.failed, metrics.dead_letters) == (2, 2, 0)
        setup.end()

    asyncio.run(play())


def test_what_is_given_up_is_a_dead_letter_and_can_be_tried_once_more(tmp_path: Path) -> None:
    async def play() -> None:
        setup = Setup(tmp_path)
        setup.target.refused = {1}
        setup.target.is_open.set()
        setup.take(0, 1, 2)
        await setup.until(lambda: setup.target.got == [0, 2])
        assert await setup.on_disk() == 0
        (letter,) = setup.outbox.read_dead(RULE, 0, 10)
        assert (letter.owner, letter.reason) == (Owner(RULE, "a"), "refused")
        assert setup.action.metrics.dead_letters == 1
        setup.end()

    asyncio.run(play())


def test_what_could_not_be_read_is_read_with_the_next_newcomer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        setup = Setup(tmp_path, window=2)
        page, is_broken = setup.outbox.page, [True]

        def read(owner: Owner, after: int, limit: int, told: Callable[[Any], None]) -> None:
            if is_broken:
                told(sqlite3.OperationalError("disk I/O error"))
            else:
                page(owner, after, limit, told)

        monkeypatch.setattr(setup.outbox, "page", read)
        setup.take(*range(6))
        await setup.until(lambda: setup.action.metrics.queued == 6)
        setup.target.is_open.set()
        await setup.until(lambda: len(setup.target.got) == 2)
        is_broken.clear()
        setup.take(6)
        await setup.until(lambda: len(setup.target.got) == 7)
        assert setup.target.got == list(range(7))
        setup.end()

    asyncio.run(play())


def test_a_result_that_cannot_be_kept_fails_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scene() -> None:
        setup = Setup(tmp_path)
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]
        setup.action.take({"n": deep}, Columns({"topic": "t"}))
        metrics = setup.action.metrics
        assert (metrics.taken, metrics.failed, metrics.dead_letters, metrics.queued) == (1, 1, 0, 0)
        setup.target.is_open.set()
        setup.take(1)
        await setup.until(lambda: setup.target.got == [1])
        setup.action.close()
        setup.outbox.close()

    asyncio.run(scene())
