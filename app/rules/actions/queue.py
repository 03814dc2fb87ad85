"""The queue of one action whose target answers later: bounded, in batches, tried again with growing pauses.

Theory: workers are tasks that exist only while something waits, so an idle action costs nothing. Batches make
themselves: what comes while a delivery is under way goes together with the next one, so nothing is ever held back to
fill a batch. Where jobs have a key, those of one key keep their order: one that is tried again holds its successors of
the same key and nobody else. Where they have none, a worker that waits for its target takes nothing new, so that a
target that is down is not asked by everybody.

It knows neither what is delivered nor where to.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.rules.errors import ActionFailed, TryAgain
from app.rules.metrics import ActionMetrics
from app.rules.terms.scope import Columns

logger = logging.getLogger(__name__)

Values = Mapping[str, Any]


@dataclass(slots=True)
class Item:
    """What an action is given."""

    output: Values
    """The result of a rule."""
    event: Columns
    """What the rule was applied to."""


@dataclass(slots=True)
class Job(Item):
    """One result that is to be delivered."""

    done: Callable[[str], None]
    """Called once with what went wrong; with an empty text where nothing did."""
    key: str | None = None
    """Jobs of one key are delivered in order."""
    since_s: float = 0.0
    """Monotonic; when it was first taken."""
    attempts: int = 0


Outcome = Sequence[ActionFailed | None] | None
"""What became of each item, in their order; None where all of them were delivered."""
Deliver = Callable[[Values, Columns], Awaitable[None]]
"""Given the result of a rule and the event's columns; raises `TryAgain` or `ActionFailed`."""
DeliverMany = Callable[[Sequence[Item]], Awaitable[Outcome]]
"""Given items in their order; raises `TryAgain` or `ActionFailed` where none of them was delivered."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much waits, and how often it is tried."""

    max_len: int = 1_000
    max_retries: int | None = 5
    """None is as often as time allows."""
    retry_interval_s: float = 0.5
    """Before the first retry; each further pause is twice as long."""
    longest_pause_s: float = 30.0
    max_retry_s: float | None = None
    """After so long, what fails is not tried again; None is no such end."""
    attempt_timeout_s: float = 60.0
    """Of one delivery; it is ended then, and tried again."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """How a queue hands over."""

    deliver: DeliverMany
    size: int = 1
    """The most items in one delivery."""
    width: int = 1
    """How many deliveries may be under way at once; they begin in order."""
    is_atomic: bool = True
    """Whether a delivery is done as a whole or not at all; jobs of one key go together only then."""


def one_by_one(deliver: Deliver, width: int) -> Lanes:
    """Return lanes on which each item is a delivery of its own."""

    async def deliver_one(items: Sequence[Item]) -> None:
        await deliver(items[0].output, items[0].event)

    return Lanes(deliver_one, 1, width)


@dataclass(slots=True)
class _Key:
    """Jobs of one key."""

    unsettled: int = 1
    """Those that wait for nobody of their key: ready, under way, or waiting to be tried again."""
    held: deque[Job] = field(default_factory=deque)


class ActionQueue:
    """Results that wait for their target. To be used on the loop."""

    def __init__(
        self,
        lanes: Lanes,
        limits: QueueLimits,
        metrics: ActionMetrics,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
            lanes: How it hands over.
            limits: How much waits, and how often it is tried.
            metrics: Counted here: `queued`, `retried` and `dropped`.
            sleep: Waits so many seconds.
            now_s: Tells monotonic time.
        """
        self._lanes = lanes
        self._limits = limits
        self._metrics = metrics
        self._sleep = sleep
        self._now_s = now_s
        self._ready: deque[Job] = deque()
        self._again: deque[list[Job]] = deque()
        """Deliveries whose pause is over."""
        self._keys: dict[str, _Key] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0
        """Of the tasks, those that will look for another job."""
        self._waiting = 0

    def __len__(self) -> int:
        """Return how many wait or are under way."""
        return self._waiting

    @property
    def room(self) -> int:
        """Return for how many more there is room."""
        return max(0, self._limits.max_len - self._waiting)

    @property
    def max_len(self) -> int:
        """Return for how many there is room at all."""
        return self._limits.max_len

    def put(self, job: Job) -> bool:
        """Take a job; False where there is no room for it."""
        if self._waiting >= self._limits.max_len:
            self._metrics.dropped += 1
            return False
        self._waiting += 1
        self._metrics.queued += 1
        job.since_s = job.since_s or self._now_s()
        if job.key is not None:
            of_key = self._keys.get(job.key)
            if of_key is not None:
                of_key.held.append(job)
                return True
            self._keys[job.key] = _Key()
        self._ready.append(job)
        self._call_worker()
        return True

    def close(self) -> None:
        """Give up what waits and what is under way: the action is gone."""
        for task in self._tasks:
            task.cancel()
        self._metrics.queued -= self._waiting
        self._metrics.dropped += self._waiting
        self._waiting = 0
        self._ready.clear()
        self._again.clear()
        self._keys.clear()

    # -- workers -----------------------------------------------------------------------------------

    def _call_worker(self) -> None:
        if self._workers < self._lanes.width:
            self._workers += 1
            self._run(self._work())

    def _run(self, coroutine: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        try:
            while batch := self._next():
                while batch := await self._attempt(batch):
                    if batch[0].key is not None:
                        self._run(self._later(batch))
                        break
                    await self._sleep(self._pause_s(batch))
        finally:
            self._workers -= 1

    async def _later(self, batch: list[Job]) -> None:
        await self._sleep(self._pause_s(batch))
        self._again.append(batch)
        self._call_worker()

    def _pause_s(self, batch: Sequence[Job]) -> float:
        doublings = min(max(job.attempts for job in batch) - 1, 32)
        return min(self._limits.retry_interval_s * 2.0**doublings, self._limits.longest_pause_s)

    def _next(self) -> list[Job]:
        if self._again:
            return self._again.popleft()
        batch: list[Job] = []
        while self._ready and len(batch) < self._lanes.size:
            job = self._ready.popleft()
            batch.append(job)
            if job.key is not None and self._lanes.is_atomic:
                of_key = self._keys[job.key]
                while of_key.held and len(batch) < self._lanes.size:
                    of_key.unsettled += 1
                    batch.append(of_key.held.popleft())
        return batch

    async def _attempt(self, batch: list[Job]) -> list[Job]:
        """Deliver once, settle what is settled, and return what is to be tried again."""
        outcome = await self._outcome(batch)
        if len(batch) > 1 and all(type(one) is ActionFailed for one in outcome):
            # One of them may be to blame; it does not take the others with it.
            outcome = [(await self._outcome([job]))[0] for job in batch]
        again = []
        for job, failure in zip(batch, outcome, strict=True):
            job.attempts += 1
            if isinstance(failure, TryAgain) and self._has_more_tries(job):
                self._metrics.retried += 1
                again.append(job)
            else:
                self._settle(job, "" if failure is None else str(failure))
        return again

    async def _outcome(self, batch: Sequence[Job]) -> Sequence[ActionFailed | None]:
        failure: ActionFailed
        try:
            async with asyncio.timeout(self._limits.attempt_timeout_s):
                outcome = await self._lanes.deliver(batch)
            return outcome if outcome is not None else [None] * len(batch)
        except ActionFailed as error:
            failure = error
        except TimeoutError:
            failure = TryAgain(f"no end after {self._limits.attempt_timeout_s:g} s")
        except Exception as error:
            # Our bug, or a library's; the next job may fare better.
            logger.exception("An action failed")
            failure = ActionFailed(type(error).__name__)
        return [failure] * len(batch)

    def _has_more_tries(self, job: Job) -> bool:
        limits = self._limits
        if limits.max_retries is not None and job.attempts > limits.max_retries:
            return False
        return limits.max_retry_s is None or self._now_s() - job.since_s < limits.max_retry_s

    def _settle(self, job: Job, reason: str) -> None:
        self._waiting -= 1
        self._metrics.queued -= 1
        if job.key is not None:
            self._free(job.key)
        job.done(reason)

    def _free(self, key: str) -> None:
        of_key = self._keys[key]
        of_key.unsettled -= 1
        if of_key.unsettled:
            return
        if of_key.held:
            of_key.unsettled = 1
            self._ready.append(of_key.held.popleft())
            self._call_worker()
        else:
            del self._keys[key]
