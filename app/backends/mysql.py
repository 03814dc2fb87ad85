"""asyncmy as the pool sees it: statements are prepared by the server, values travel beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asyncmy import connect
from asyncmy.connection import Connection
from asyncmy.errors import Error

from app.backends.breaker import BackendError
from app.backends.pool import Row

STATEMENTS = 8
"""Prepared ones that a connection keeps; there are three queries."""
SERVER_ERRORS = (range(1_000, 2_000), range(3_000, 5_000))
"""Numbers that come from the server; those between are the driver's own, of connections that were lost."""
ENDINGS = frozenset({1_053, 1_080, 1_152, 1_158, 1_159, 1_160, 1_161, 1_184, 1_927})
"""Numbers by which the server says that it ends the connection, or itself."""


class MysqlConnector:
    """Connections to one server."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take where it is and how to log in, in the words of `asyncmy.connect`."""
        self._options = options

    async def open(self) -> Connection:
        """Return a new connection."""
        connection: Connection = await connect(
            **self._options, charset="utf8mb4", autocommit=True, stmt_cache_size=STATEMENTS
        )
        return connection

    async def fetch(
        self, connection: Connection, sql: str, values: Sequence[str | None]
    ) -> list[Row]:
        """Return the rows of a query.

        Raises:
            BackendError: The server refused the query.
        """
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(sql, tuple(values))
                return list(await cursor.fetchall())
        except Error as error:
            if self.is_open(connection) and _is_about_the_query(error):
                raise BackendError(f"{error.args[0]} {error.args[-1]}") from None
            raise

    def is_open(self, connection: Connection) -> bool:
        """Tell whether a connection may be used."""
        return bool(connection.connected)

    def close(self, connection: Connection) -> None:
        """End a connection at once."""
        connection.close()


def _is_about_the_query(error: Error) -> bool:
    number = error.args[0] if error.args else None
    return (
        isinstance(number, int)
        and number not in ENDINGS
        and any(number in numbers for numbers in SERVER_ERRORS)
    )
