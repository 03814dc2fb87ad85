"""The queue of one action whose target answers later: bounded, tried again with growing pauses, drained in order.

It knows neither what is delivered nor where to. Workers are tasks that exist only while something waits, so an idle
action costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.rules.errors import ActionFailed, TryAgain
from app.rules.metrics import ActionMetrics
from app.rules.terms.scope import Columns

logger = logging.getLogger(__name__)

Values = Mapping[str, Any]
Deliver = Callable[[Values, Columns], Awaitable[None]]
"""Given the result of a rule and the event's columns; raises `TryAgain` or `ActionFailed`."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much waits, and how often it is tried."""

    max_len: int = 1_000
    max_retries: int = 5
    retry_interval_s: float = 0.5
    """Before the first retry; each further pause is twice as long."""
    longest_pause_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """One result that is to be delivered."""

    output: Values
    event: Columns
    done: Callable[[str], None]
    """Called once with what went wrong; with an empty text where nothing did."""


class ActionQueue:
    """Results that wait for their target. To be used on the loop."""

    def __init__(
        self,
        deliver: Deliver,
        width: int,
        limits: QueueLimits,
        metrics: ActionMetrics,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Start empty.

        Args:
            deliver: Does the work.
            width: How many deliveries may be under way at once; they begin in order.
            limits: How much waits, and how often it is tried.
            metrics: Counted here: `queued`, `retried` and `dropped`.
            sleep: Waits so many seconds.
        """
        self._deliver = deliver
        self._width = width
        self._limits = limits
        self._metrics = metrics
        self._sleep = sleep
        self._waiting: deque[Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._at_work = 0
        """Of the workers, those that will look for another job: a task is among them a little longer than that."""

    def put(self, job: Job) -> bool:
        """Take a job; False where there is no room for it."""
        if self._metrics.queued >= self._limits.max_len:
            self._metrics.dropped += 1
            return False
        self._waiting.append(job)
        self._metrics.queued += 1
        if self._at_work < self._width:
            self._at_work += 1
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return True

    def close(self) -> None:
        """Give up what waits and what is under way: the action is gone."""
        for worker in self._workers:
            worker.cancel()
        self._metrics.dropped += self._metrics.queued
        self._metrics.queued = 0
        self._waiting.clear()

    async def _work(self) -> None:
        try:
            while self._waiting:
                job = self._waiting.popleft()
                reason = await self._attempt(job)
                self._metrics.queued -= 1
                job.done(reason)
        finally:
            self._at_work -= 1

    async def _attempt(self, job: Job) -> str:
        """Deliver one job, again and again if need be; return why it is given up, or nothing."""
        pause_s = self._limits.retry_interval_s
        left = self._limits.max_retries
        while True:
            try:
                await self._deliver(job.output, job.event)
            except TryAgain as error:
                if not left:
                    return str(error)
            except ActionFailed as error:
                return str(error)
            except Exception as error:
                # Our bug, or a library's; the next job may fare better.
                logger.exception("An action failed")
                return type(error).__name__
            else:
                return ""
            left -= 1
            self._metrics.retried += 1
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, self._limits.longest_pause_s)
