"""A file of SQLite that is written by a thread of its own: rows in transactions, durable when said to be taken.

What may be run is what changes rows: no statement opens another file, changes a setting or makes or drops anything,
and none runs for ever.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from app.backends.breaker import BackendError, BusyError
from app.backends.statements import Bound, Statement

T = TypeVar("T")

LONGEST_S = 5.0
"""Of waiting for somebody else's lock, and of one batch."""
LOOK_EVERY = 10_000
"""Steps of SQLite's machine between two looks at the clock."""
_ROWS_ONLY = frozenset(
    {
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_RECURSIVE,
    }
)
_TABLES_TOO = _ROWS_ONLY | {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_REINDEX,
}
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension"})
_OF_THE_ROW = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_RANGE,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_INTERRUPT,
    }
)
"""Primary codes that say something of the statement or the row; any other is of the file, and may pass."""


class SqliteFile:
    """One file. Its methods are for the loop; the thread is the only one that touches the connection."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open nothing yet.

        Args:
            path: Of the file; it is made where there is none.
            schema: Statements that make its tables, run whenever it is opened.
        """
        self._path = path
        self._schema = schema
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._until_s = 0.0

    async def write(self, statement: Statement, rows: Sequence[Sequence[Bound]]) -> None:
        """Have a statement done for each row: for all of them, or for none.

        Raises:
            BackendError: A row or the statement is refused.
            BusyError: The file does not take it now.
        """
        await self._in_thread(lambda: self._write(statement.marked, rows))

    async def check(self) -> None:
        """Open the file, where it is not open.

        Raises:
            BackendError: It cannot be opened, or is no database.
        """
        await self._in_thread(self._look)

    def close(self) -> None:
        """Close it once what is under way is done; returns at once."""
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError as error:
            raise BusyError(str(error)) from None

    # -- in the thread -------------------------------------------------------------------------

    def _write(self, text: str, rows: Sequence[Sequence[Bound]]) -> None:
        try:
            connection = self._opened()
            self._begin_time()
            connection.execute("begin immediate")
            connection.executemany(text, rows)
            connection.execute("commit")
        except (sqlite3.Error, OSError, OverflowError, UnicodeEncodeError) as error:
            raise self._refusal(error) from None

    def _look(self) -> None:
        try:
            with closing(self._opened().execute("select count(*) from sqlite_master")) as found:
                found.fetchone()
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> BackendError:
        connection = self._connection
        code = getattr(error, "sqlite_errorcode", None)
        is_of_the_row = not isinstance(error, OSError) and (
            code is None or code & 0xFF in _OF_THE_ROW
        )
        if connection is not None and connection.in_transaction:
            connection.rollback()
        if not is_of_the_row:
            self._drop()
        return (BackendError if is_of_the_row else BusyError)(str(error))

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_still_there():
            return self._connection
        self._drop()
        # Where the last name is a link it leads elsewhere.
        if self._path.is_symlink():
            raise OSError(f"{self._path.name} is a link")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self._path, timeout=LONGEST_S, isolation_level=None, check_same_thread=False
        )
        self._connection = connection
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma trusted_schema = off")
        connection.set_progress_handler(self._has_had_its_time, LOOK_EVERY)
        connection.set_authorizer(_authorizer(_TABLES_TOO))
        self._begin_time()
        connection.executescript(self._schema)
        connection.set_authorizer(_authorizer(_ROWS_ONLY))
        self._inode = self._path.stat().st_ino
        return connection

    def _is_still_there(self) -> bool:
        """Tell whether the open file is the one of that name: what is written to a deleted one is gone."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def _begin_time(self) -> None:
        self._until_s = time.monotonic() + LONGEST_S

    def _has_had_its_time(self) -> bool:
        return time.monotonic() > self._until_s

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._inode = 0
        if connection is not None:
            connection.close()


def _authorizer(allowed: frozenset[int]) -> Callable[..., int]:
    def judge(action: int, _first: str | None, second: str | None, *_where: str | None) -> int:
        is_allowed = action in allowed and not (
            action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS
        )
        return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY

    return judge
