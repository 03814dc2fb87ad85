"""Turns at a backend: a bounded number of questions at a time, each with a time limit, behind a circuit breaker.

For drivers that keep their connections themselves; `app.backends.pool` is for those that do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.backends.breaker import CircuitBreaker

T = TypeVar("T")


class Turns:
    """The turns at one backend; to be used on the loop only."""

    def __init__(self, places: int, breaker: CircuitBreaker) -> None:
        """Let nobody in yet.

        Args:
            places: Questions at a time.
            breaker: Bounds the time, and spares a backend that does not answer.
        """
        self._places = places
        self._free = asyncio.Semaphore(places)
        self._breaker = breaker

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Put a question when it is its turn.

        Raises:
            UnavailableError: There is no answer, or the backend was not asked.
            BackendError: The backend refused, or its answer is none.
        """
        self._breaker.check()
        # The time for a place to become free is not the backend's: the breaker looks at what follows.
        async with self._free:
            return await self._breaker.call(question)

    async def finish(self) -> None:
        """Let the questions that are under way be answered; there are no turns afterwards."""
        for _ in range(self._places):
            await self._free.acquire()
