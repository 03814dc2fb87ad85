"""psycopg as the pool sees it: values travel beside the statement."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from app.backends.breaker import BackendError
from app.backends.pool import Row

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class PgsqlConnector:
    """Connections to one server."""

    def __init__(self, options: Mapping[str, Any], timeout_s: float) -> None:
        """Take where it is and how to log in, in libpq's words.

        Args:
            options: Those words.
            timeout_s: How long a query may take.
        """
        self._options = options
        self._timeout_s = timeout_s

    async def open(self) -> Connection:
        """Return a new connection."""
        return await psycopg.AsyncConnection.connect(**self._options, autocommit=True)

    async def fetch(
        self, connection: Connection, sql: str, values: Sequence[str | None]
    ) -> list[Row]:
        """Return the rows of a query.

        Raises:
            BackendError: The server refused the query.
        """
        loop = asyncio.get_running_loop()
        # Cancelling would ask the server to end the query and wait for it; one that hangs does not.
        too_late = loop.call_later(self._timeout_s, _hang_up, connection)
        try:
            cursor = await connection.execute(sql.encode(), values)
            return list(await cursor.fetchall())
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                raise
            said = error.diag.message_primary or type(error).__name__
            raise BackendError(said) from None
        finally:
            too_late.cancel()

    def is_open(self, connection: Connection) -> bool:
        """Tell whether a connection may be used."""
        return not (connection.broken or connection.closed)

    def close(self, connection: Connection) -> None:
        """End a connection at once."""
        connection.pgconn.finish()


def _hang_up(connection: Connection) -> None:
    """End the conversation below the driver, which then finds the connection lost."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as own:
        own.shutdown(socket.SHUT_RDWR)
