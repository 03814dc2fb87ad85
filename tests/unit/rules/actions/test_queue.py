"""The queue of an action: bounded, in order, patient."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from app.rules.actions.queue import ActionQueue, Item, Job, Lanes, QueueLimits, one_by_one
from app.rules.errors import ActionFailed, TryAgain
from app.rules.metrics import ActionMetrics
from app.rules.terms.scope import Columns


class Target:
    """Somewhere to deliver to: it answers as it is told, and notes what it was given and how long it was waited."""

    def __init__(self) -> None:
        self.answers: list[Exception | None] = []
        self.got: list[int] = []
        self.pauses: list[float] = []
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def deliver(self, output: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
        self.got.append(output["n"])
        await self.is_open.wait()
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Setup:
    """A queue in front of a target."""

    def __init__(self, *, width: int = 1, **limits: Any) -> None:
        self.target = Target()
        self.metrics = ActionMetrics()
        self.results: list[tuple[int, str]] = []
        self.queue = ActionQueue(
            one_by_one(self.target.deliver, width),
            QueueLimits(**limits),
            self.metrics,
            self.target.sleep,
        )

    def put(self, number: int) -> bool:
        return self.queue.put(
            Job({"n": number}, Columns(), lambda why: self.results.append((number, why)))
        )

    async def settled(self) -> None:
        async with asyncio.timeout(5):
            while self.metrics.queued:  # noqa: ASYNC110 - who waits is a test
                await asyncio.sleep(0)


def test_jobs_are_delivered_in_order_and_told_so() -> None:
    async def play() -> Setup:
        setup = Setup()
        assert all(setup.put(number) for number in range(5))
        await setup.settled()
        return setup

    setup = asyncio.run(play())
    assert setup.target.got == [0, 1, 2, 3, 4]
    assert setup.results == [(number, "") for number in range(5)]


def test_a_target_that_comes_round_is_tried_with_growing_pauses() -> None:
    async def play() -> Setup:
        setup = Setup(max_retries=5, retry_interval_s=1.0, longest_pause_s=3.0)
        setup.target.answers = [TryAgain("down")] * 4
        setup.put(1)
        await setup.settled()
        return setup

    setup = asyncio.run(play())
    assert setup.target.pauses == [1.0, 2.0, 3.0, 3.0]
    assert setup.results == [(1, "")]
    assert setup.metrics.retried == 4


def test_what_is_tried_often_enough_is_given_up_with_its_reason() -> None:
    async def play() -> Setup:
        setup = Setup(max_retries=2)
        setup.target.answers = [TryAgain("down")] * 3
        setup.put(1)
        setup.put(2)
        await setup.settled()
        return setup

    setup = asyncio.run(play())
    assert setup.target.got == [1, 1, 1, 2]
    assert setup.results == [(1, "down"), (2, "")]


def test_a_refusal_and_a_bug_are_not_tried_again() -> None:
    async def play() -> Setup:
        setup = Setup()
        setup.target.answers = [ActionFailed("no"), KeyError("bug")]
        setup.put(1)
        setup.put(2)
        await setup.settled()
        return setup

    setup = asyncio.run(play())
    assert setup.results == [(1, "no"), (2, "KeyError")]
    assert setup.metrics.retried == 0


def test_what_finds_no_room_is_dropped() -> None:
    async def play() -> Setup:
        setup = Setup(max_len=2)
        setup.target.is_open.clear()
        assert [setup.put(number) for number in range(3)] == [True, True, False]
        assert (setup.metrics.queued, setup.metrics.dropped) == (2, 1)
        setup.target.is_open.set()
        await setup.settled()
        assert setup.put(4)
        await setup.settled()
        return setup

    assert asyncio.run(play()).results == [(0, ""), (1, ""), (4, "")]


def test_as_many_are_under_way_as_the_width_allows() -> None:
    async def play() -> list[int]:
        setup = Setup(width=3)
        setup.target.is_open.clear()
        for number in range(5):
            setup.put(number)
        for _ in range(5):
            await asyncio.sleep(0)
        begun = list(setup.target.got)
        setup.target.is_open.set()
        await setup.settled()
        return begun

    assert asyncio.run(play()) == [0, 1, 2]


def test_a_closed_queue_gives_up_what_waits() -> None:
    async def play() -> Setup:
        setup = Setup()
        setup.target.is_open.clear()
        setup.put(1)
        setup.put(2)
        await asyncio.sleep(0)
        setup.queue.close()
        await asyncio.sleep(0)
        return setup

    setup = asyncio.run(play())
    assert setup.results == []
    assert (setup.metrics.queued, setup.metrics.dropped) == (0, 2)


class Table:
    """Somewhere to deliver many at once: it answers as it is told."""

    def __init__(self, *, is_atomic: bool = True, max_retries: int = 5) -> None:
        self.answers: list[Exception | Sequence[ActionFailed | None] | None] = []
        self.got: list[list[str]] = []
        self.bad = ""
        self.is_open = asyncio.Event()
        self.pause_over = asyncio.Event()
        self.metrics = ActionMetrics()
        self.results: list[tuple[str, str]] = []
        lanes = Lanes(self.deliver, size=3, is_atomic=is_atomic)
        limits = QueueLimits(max_retries=max_retries)
        self.queue = ActionQueue(lanes, limits, self.metrics, self.sleep)

    async def sleep(self, _seconds: float) -> None:
        await self.pause_over.wait()

    async def deliver(self, items: Sequence[Item]) -> Sequence[ActionFailed | None] | None:
        names = [str(item.output["n"]) for item in items]
        self.got.append(names)
        await self.is_open.wait()
        if self.bad in names:
            raise ActionFailed("bad row")
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def put(self, *names: str, keyed: bool = False) -> None:
        for name in names:
            done = lambda why, name=name: self.results.append((name, why))  # noqa: E731 - one a job
            self.queue.put(Job({"n": name}, Columns(), done, name[0] if keyed else None))

    async def until(self, queued: int) -> None:
        async with asyncio.timeout(5):
            while self.metrics.queued > queued:  # noqa: ASYNC110 - who waits is a test
                await asyncio.sleep(0)


def test_what_comes_while_a_delivery_is_under_way_goes_together() -> None:
    async def play() -> Table:
        table = Table()
        table.put("1")
        await asyncio.sleep(0)
        table.put("2", "3", "4", "5")
        table.is_open.set()
        await table.until(0)
        return table

    assert asyncio.run(play()).got == [["1"], ["2", "3", "4"], ["5"]]


def test_one_bad_item_does_not_take_its_batch_with_it() -> None:
    async def play() -> Table:
        table = Table()
        table.bad = "2"
        table.is_open.set()
        table.put("1", "2", "3")
        await table.until(0)
        return table

    table = asyncio.run(play())
    assert table.got == [["1", "2", "3"], ["1"], ["2"], ["3"]]
    assert table.results == [("1", ""), ("2", "bad row"), ("3", "")]


def test_of_a_batch_only_what_failed_is_tried_again() -> None:
    async def play() -> Table:
        table = Table(is_atomic=False)
        table.answers = [[None, TryAgain("busy"), ActionFailed("no")]]
        table.is_open.set()
        table.pause_over.set()
        table.put("1", "2", "3")
        await table.until(0)
        return table

    table = asyncio.run(play())
    assert table.got == [["1", "2", "3"], ["2"]]
    assert sorted(table.results) == [("1", ""), ("2", ""), ("3", "no")]


def test_a_job_that_is_tried_again_holds_those_of_its_key_and_no_others() -> None:
    async def play() -> Table:
        table = Table(is_atomic=False)
        table.answers = [[TryAgain("busy"), None]]
        table.is_open.set()
        table.put("a1", "a2", "b1", "b2", keyed=True)
        await table.until(2)
        assert table.got == [["a1", "b1"], ["b2"]]
        table.pause_over.set()
        await table.until(0)
        return table

    assert asyncio.run(play()).got == [["a1", "b1"], ["b2"], ["a1"], ["a2"]]


def test_jobs_of_one_key_share_a_delivery_that_is_done_as_a_whole() -> None:
    async def play() -> Table:
        table = Table()
        table.answers = [TryAgain("down")]
        table.is_open.set()
        table.put("a1", "a2", "b1", "a3", "a4", keyed=True)
        await table.until(4)
        assert table.got == [["a1", "a2", "a3"], ["b1"]]
        table.pause_over.set()
        await table.until(0)
        return table

    assert asyncio.run(play()).got == [["a1", "a2", "a3"], ["b1"], ["a1", "a2", "a3"], ["a4"]]


def test_a_delivery_without_end_is_ended_and_time_bounds_the_tries() -> None:
    async def never(_items: Sequence[Item]) -> None:
        await asyncio.Event().wait()

    async def play() -> list[str]:
        results: list[str] = []
        moments = iter(range(100))
        limits = QueueLimits(
            max_retries=None, retry_interval_s=0, max_retry_s=4, attempt_timeout_s=0.001
        )
        metrics = ActionMetrics()
        queue = ActionQueue(Lanes(never), limits, metrics, now_s=lambda: next(moments) + 1.0)
        queue.put(Job({}, Columns(), results.append))
        async with asyncio.timeout(5):
            while metrics.queued:  # noqa: ASYNC110 - who waits is a test
                await asyncio.sleep(0)
        assert metrics.retried == 3
        return results

    assert asyncio.run(play()) == ["no end after 0.001 s"]
