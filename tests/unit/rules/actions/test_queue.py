"""The queue of an action: bounded, in order, patient."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from app.rules.actions.queue import ActionQueue, Job, QueueLimits
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
            self.target.deliver, width, QueueLimits(**limits), self.metrics, self.target.sleep
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
