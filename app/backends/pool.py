"""A bounded pool of connections to one backend, behind its circuit breaker.

Connections are made when they are needed and kept for the next question. One that failed is never used again; one
that the server has closed while it lay idle is replaced within the same question. It knows no driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from app.backends.breaker import BackendError, CircuitBreaker

C = TypeVar("C")
T = TypeVar("T")
Row = Sequence[Any]


class Connector(Protocol[C]):
    """What a driver is to the pool."""

    async def open(self) -> C:
        """Return a new connection; whatever it raises means that the backend is not to be had."""

    async def fetch(self, connection: C, sql: str, values: Sequence[str | None]) -> list[Row]:
        """Return the rows of a query.

        Raises:
            BackendError: The server refused the query; the connection is as good as before.
        """

    def is_open(self, connection: C) -> bool:
        """Tell whether a connection may be used, as far as is known without asking the server."""

    def close(self, connection: C) -> None:
        """End a connection at once."""


class Pool(Generic[C]):
    """The connections; to be used on the loop only."""

    def __init__(self, connector: Connector[C], breaker: CircuitBreaker, size: int) -> None:
        """Start without a connection.

        Args:
            connector: Makes and uses them.
            breaker: Decides whether the backend is asked.
            size: Most connections at a time; who finds all of them in use waits for one.
        """
        self._connector = connector
        self._breaker = breaker
        self._slots = asyncio.Semaphore(size)
        self._idle: list[C] = []
        self._is_closed = False

    async def fetch(self, sql: str, values: Sequence[str | None]) -> list[Row]:
        """Return the rows of a query.

        Raises:
            UnavailableError: There is no answer, or the backend was not asked.
            BackendError: The server refused the query.
        """
        return await self.use(lambda connection: self._connector.fetch(connection, sql, values))

    async def use(self, work: Callable[[C], Awaitable[T]]) -> T:
        """Return what somebody's work with a connection returns.

        Args:
            work: Raises `BackendError` where the server refused, and the connection is as good as before. It may be
                begun once more over a fresh connection.

        Raises:
            UnavailableError: There is no answer, or the backend was not asked.
            BackendError: The server refused.
        """
        self._breaker.check()
        # The time for a connection to become free is not the backend's: the breaker looks at what follows.
        async with self._slots:
            return await self._breaker.call(lambda: self._ask(work))

    async def _ask(self, work: Callable[[C], Awaitable[T]]) -> T:
        connection = self._take_idle()
        if connection is not None:
            try:
                return await self._use(connection, work)
            except BackendError:
                raise
            except Exception:  # noqa: BLE001 - whatever a driver raises
                # The server has closed this one, and the others too.
                self._drop_idle()
        return await self._use(await self._connector.open(), work)

    async def _use(self, connection: C, work: Callable[[C], Awaitable[T]]) -> T:
        try:
            answer = await work(connection)
        except BackendError:
            self._put_back(connection)
            raise
        except BaseException:
            self._connector.close(connection)
            raise
        self._put_back(connection)
        return answer

    def _take_idle(self) -> C | None:
        while self._idle:
            connection = self._idle.pop()
            if self._connector.is_open(connection):
                return connection
            self._connector.close(connection)
        return None

    def _put_back(self, connection: C) -> None:
        if self._is_closed:
            self._connector.close(connection)
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            self._connector.close(connection)

    def close(self) -> None:
        """End every connection; those in use end with what they are used for."""
        self._is_closed = True
        self._drop_idle()
