"""asyncmy as the pool sees it: statements are prepared by the server, values travel beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from asyncmy import connect
from asyncmy.connection import Connection, PreparedStatement
from asyncmy.errors import Error

from app.backends.breaker import BackendError, BusyError
from app.backends.pool import Row
from app.backends.statements import Bound, Statement, as_insert, in_chunks

STATEMENTS = 8
"""Prepared ones that a connection keeps; there are three queries."""
WRITTEN_STATEMENTS = 48
"""The same of those that write: three for each action that shares the connection."""
ROWS_AT_ONCE = (64, 8, 1)
"""Rows of one statement: a batch is taken apart into these, so that three of a kind are prepared at most."""
BYTES_AT_ONCE = 262_144
"""Of texts in one statement; servers take 1 MB and more in a packet."""
SERVER_ERRORS = (range(1_000, 2_000), range(3_000, 5_000))
"""Numbers that come from the server; those between are the driver's own, of connections that were lost."""
ENDINGS = frozenset({1_053, 1_080, 1_152, 1_158, 1_159, 1_160, 1_161, 1_184, 1_927})
"""Numbers by which the server says that it ends the connection, or itself."""
TOO_LARGE = 1_153
"""A packet beyond `max_allowed_packet`: the server hangs up, and would again."""
PASSING = frozenset({1_021, 1_037, 1_040, 1_041, 1_114, 1_203, 1_205, 1_213, 1_226, 1_290, 1_615, 1_836})  # fmt: skip
"""Numbers of what may pass: a deadlock, a lock, a full disk, a server that may be read only, for now."""


class MysqlConnector:
    """Connections to one server."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take where it is and how to log in, in the words of `asyncmy.connect`."""
        self._options = options
        self._prepared: WeakKeyDictionary[Connection, dict[str, PreparedStatement]] = (
            WeakKeyDictionary()
        )

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
                raise _refusal(error) from None
            raise

    async def write(
        self, connection: Connection, statement: Statement, rows: Sequence[Sequence[Bound]]
    ) -> None:
        """Have a statement done for each row: for all of them, or for none.

        Raises:
            BackendError: The server refused.
            BusyError: It did, and may not the next time.
        """
        steps = list(_steps(statement, rows))
        is_transaction = len(steps) > 1
        try:
            if is_transaction:
                await connection.begin()
            for text, values in steps:
                prepared = await self._prepare(connection, text)
                await prepared.execute(values)  # type: ignore[no-untyped-call]
            if is_transaction:
                await connection.commit()
        except ValueError as error:
            # Before anything was sent: a value that has no form.
            await self._undo(connection, is_transaction)
            raise BackendError(str(error)) from None
        except Error as error:
            if error.args and error.args[0] == TOO_LARGE:
                raise _refusal(error) from None
            if not (self.is_open(connection) and _is_about_the_query(error)):
                raise
            await self._undo(connection, is_transaction)
            raise _refusal(error) from None

    async def _undo(self, connection: Connection, is_transaction: bool) -> None:
        if is_transaction:
            await connection.rollback()

    async def _prepare(self, connection: Connection, text: str) -> PreparedStatement:
        # Never the driver's own way: where the server prepares nothing it would write values into the text.
        known = self._prepared.setdefault(connection, {})
        statement = known.pop(text, None)
        if statement is None:
            statement = await connection.prepare(text)  # type: ignore[no-untyped-call]
        known[text] = statement
        if len(known) > WRITTEN_STATEMENTS:
            await known.pop(next(iter(known))).close()
        return statement

    def is_open(self, connection: Connection) -> bool:
        """Tell whether a connection may be used."""
        return bool(connection.connected)

    def close(self, connection: Connection) -> None:
        """End a connection at once."""
        connection.close()


def _steps(
    statement: Statement, rows: Sequence[Sequence[Bound]]
) -> Iterator[tuple[str, tuple[Bound, ...]]]:
    """Yield what to prepare, and the values that go with it."""
    insert = as_insert(statement)
    if insert is None:
        yield from ((statement.marked, tuple(row)) for row in rows)
        return
    for run in in_chunks(rows, ROWS_AT_ONCE, BYTES_AT_ONCE):
        yield insert.of(len(run)), tuple(value for row in run for value in row)


def _refusal(error: Error) -> BackendError:
    kind = BusyError if error.args[0] in PASSING else BackendError
    return kind(f"{error.args[0]} {error.args[-1]}")


def _is_about_the_query(error: Error) -> bool:
    number = error.args[0] if error.args else None
    return (
        isinstance(number, int)
        and number not in ENDINGS
        and any(number in numbers for numbers in SERVER_ERRORS)
    )
