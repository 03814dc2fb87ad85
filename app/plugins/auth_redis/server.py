"""The way to Redis: a bounded number of questions at a time, each with a time limit, behind a circuit breaker.

It knows neither clients nor what the answers are for, and no driver: those without Redis do not load one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from app.backends.breaker import CircuitBreaker
from app.backends.turns import Turns

T = TypeVar("T")
PROBED_KEY = "godwit"


class Driver(Protocol):
    """What brings a question to Redis, over a connection that is free."""

    async def execute(self, words: Sequence[str]) -> object:
        """Put a question; whatever it raises but `BackendError` means that there is no answer.

        Raises:
            BackendError: Redis refused.
        """

    async def close(self) -> None:
        """Close all connections."""


class RedisServer:
    """One server, or what stands for one; to be used on the loop only."""

    def __init__(self, driver: Driver, places: int, breaker: CircuitBreaker) -> None:
        """Connect nothing yet.

        Args:
            driver: The way there.
            places: Questions at a time.
            breaker: Bounds the time, and spares a server that does not answer.
        """
        self._driver = driver
        self._turns = Turns(places, breaker)

    async def ask(self, words: Sequence[str], read: Callable[[object], T]) -> T:
        """Put a question and read the answer.

        Raises:
            UnavailableError: There is no answer, or the server was not asked.
            BackendError: The server refused, or `read` did.
        """

        async def ask() -> T:
            return read(await self._driver.execute(words))

        return await self._turns.ask(ask)

    async def probe(self) -> None:
        """Ask for nothing.

        Raises:
            UnavailableError: There is no answer, or the server was not asked.
            BackendError: The server refused.
        """
        # Of a cluster that asks one node; PING would ask all of them, and one that is gone would count for all.
        await self.ask(["EXISTS", PROBED_KEY], lambda _answer: None)

    async def close(self) -> None:
        """Let the questions that are under way be answered, then close the connections."""
        await self._turns.finish()
        await self._driver.close()
