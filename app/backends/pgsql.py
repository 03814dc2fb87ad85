"""psycopg as the pool sees it: values travel beside the statement."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import AsyncRawCursor
from psycopg.rows import tuple_row

from app.backends.breaker import BackendError, BusyError
from app.backends.pool import Row
from app.backends.statements import Bound, Statement

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

KNOWN_STATEMENTS = 256
"""Of which it is remembered what their values are for."""
_BYTEA = 17
_TEXT = 25
_WHOLE_NUMBERS = frozenset({20, 21, 23})
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})
"""The connection, a deadlock, want of room, an operator, the machine."""
_PASSING = frozenset({"25006", "55P03"})
"""A server that may only be read, for now; a lock."""
_NAME = "godwit_asks"


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
        self._types: dict[str, tuple[int, ...]] = {}
        """By statement: what its values are for, as the server's numbers of types."""

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
        with self._in_time(connection), _told(connection):
            cursor = await connection.execute(sql.encode(), values)
            return list(await cursor.fetchall())

    async def write(
        self, connection: Connection, statement: Statement, rows: Sequence[Sequence[Bound]]
    ) -> None:
        """Have a statement done for each row: for all of them, or for none.

        Raises:
            BackendError: The server refused.
            BusyError: It did, and may not the next time.
        """
        text = statement.text("${}".format)
        try:
            with self._in_time(connection), _told(connection):
                types = await self._types_of(connection, text, statement.width)
                values = [
                    [_bound(value, kind) for value, kind in zip(row, types, strict=True)]
                    for row in rows
                ]
                cursor = AsyncRawCursor(connection, row_factory=tuple_row)
                async with cursor, connection.transaction():
                    await cursor.executemany(text.encode(), values)
        except BackendError:
            # A table that was changed may want something else.
            self._types.pop(text, None)
            raise

    async def _types_of(self, connection: Connection, text: str, width: int) -> tuple[int, ...]:
        """Return what the values of a statement are for; the server is asked once."""
        known = self._types.get(text)
        if known is not None:
            return known
        try:
            row = await _asked_for_types(connection, text)
        except psycopg.Error:
            if connection.broken or connection.closed:
                raise
            # Not all that can be run can be prepared by name, CALL for one; what is wrong will say so itself.
            return (_TEXT,) * width
        types = tuple(row[0]) if row is not None else ()
        if len(self._types) >= KNOWN_STATEMENTS:
            self._types.clear()
        self._types[text] = types
        return types

    @contextmanager
    def _in_time(self, connection: Connection) -> Iterator[None]:
        # Cancelling would ask the server to end the query and wait for it; one that hangs does not.
        too_late = asyncio.get_running_loop().call_later(self._timeout_s, _hang_up, connection)
        try:
            yield
        finally:
            too_late.cancel()

    def is_open(self, connection: Connection) -> bool:
        """Tell whether a connection may be used."""
        return not (connection.broken or connection.closed)

    def close(self, connection: Connection) -> None:
        """End a connection at once."""
        connection.pgconn.finish()


async def _asked_for_types(connection: Connection, text: str) -> tuple[Any, ...] | None:
    async with connection.transaction(), AsyncRawCursor(connection) as cursor:
        # With the extended protocol, which takes one statement only.
        await cursor.execute(f"prepare {_NAME} as {text}".encode(), binary=True)
        await cursor.execute(
            b"select parameter_types::oid[]::int8[] from pg_prepared_statements where name = $1",
            [_NAME],
        )
        row = await cursor.fetchone()
        await cursor.execute(f"deallocate {_NAME}".encode())
    return row


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    """Tell what the server refused from a connection that is lost."""
    try:
        yield
    except psycopg.Error as error:
        if connection.broken or connection.closed:
            raise
        said = error.diag.message_primary or str(error) or type(error).__name__
        state = error.sqlstate or ""
        is_passing = state[:2] in _PASSING_CLASSES or state in _PASSING
        raise (BusyError if is_passing else BackendError)(said) from None


def _bound(value: Bound, kind: int) -> str | bytes | None:
    """Return a value as it travels: a text that the server reads as it would a literal, bytes for `bytea`."""
    if kind == _BYTEA and value is not None:
        return value if isinstance(value, bytes) else _text(value).encode()
    if isinstance(value, bool) and kind in _WHOLE_NUMBERS:
        return str(int(value))
    if isinstance(value, float) and kind in _WHOLE_NUMBERS and value.is_integer():
        return str(int(value))
    # Bytes that are no text are refused by the server, unless they are for `bytea`.
    return value if value is None or isinstance(value, bytes) else _text(value)


def _text(value: float | str | bytes) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)


def _hang_up(connection: Connection) -> None:
    """End the conversation below the driver, which then finds the connection lost."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as own:
        own.shutdown(socket.SHUT_RDWR)
