"""The way to MongoDB: what is asked of it, in turns, whatever driver speaks to it.

It knows neither clients nor what documents are for, and no driver: those without MongoDB do not load one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.backends.breaker import CircuitBreaker
from app.backends.turns import Turns
from app.plugins.auth_mongo.documents import Document


class Driver(Protocol):
    """What brings a question to MongoDB, over a connection that is free."""

    async def find(
        self, collection: str, filter_: Mapping[str, Any], fields: Sequence[str], limit: int
    ) -> list[Document]:
        """Return documents; whatever it raises but `BackendError` means that there is no answer.

        Raises:
            BackendError: MongoDB refused.
        """

    async def ping(self) -> None:
        """Ask for nothing, as `find` does."""

    async def close(self) -> None:
        """Close all connections."""


class MongoServer:
    """One server, or what stands for one; to be used on the loop only.

    Both questions raise `UnavailableError` where there is no answer, `BackendError` where the server refuses.
    """

    def __init__(self, driver: Driver, places: int, breaker: CircuitBreaker) -> None:
        """Connect nothing yet.

        Args:
            driver: The way there.
            places: Questions at a time.
            breaker: Bounds the time, and spares a server that does not answer.
        """
        self._driver = driver
        self._turns = Turns(places, breaker)

    async def find(
        self, collection: str, filter_: Mapping[str, Any], fields: Sequence[str], limit: int
    ) -> list[Document]:
        """Return the documents that a filter finds, at most `limit`, with these fields of theirs."""
        return await self._turns.ask(lambda: self._driver.find(collection, filter_, fields, limit))

    async def probe(self) -> None:
        """Look whether the server answers."""
        await self._turns.ask(self._driver.ping)

    async def close(self) -> None:
        """Let the questions that are under way be answered, then close the connections."""
        await self._turns.finish()
        await self._driver.close()
