"""The database: where it is, how its connections are set up, and one transaction at a time.

SQLite by default, PostgreSQL (psycopg 3) and MariaDB or MySQL (PyMySQL) by URL. It knows no table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings

_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
"""The driver for each dialect; the `mysql` dialect finds out by itself that it talks to MariaDB."""

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 30
SQLITE_BUSY_TIMEOUT_MS = 5_000
_SQLITE_MAGIC = b"SQLite format 3\x00"
_SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    # NORMAL survives a killed process, but not a power cut. What is written through here is rare,
    # and somebody was told `ok`, so each commit is worth its fsync.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
_BEGIN_OPTION = "godwit_sqlite_begin"


class DatabaseError(Exception):
    """The database cannot be used; the text is one sentence that says what to do."""


def database_url(settings: Settings) -> URL:
    """Return the URL that is in effect, with the driver that we ship."""
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        # The text may carry a password, so it is not repeated.
        raise DatabaseError(
            "The setting database.url cannot be read: write it as sqlite:///FILE, "
            "postgresql://USER:PASSWORD@HOST/NAME or mysql://USER:PASSWORD@HOST/NAME."
        ) from None
    dialect = url.get_backend_name()
    if dialect not in _DRIVERS:
        raise DatabaseError(
            f"The setting database.url names {dialect}, which is not supported: "
            "use sqlite, postgresql, mysql or mariadb."
        )
    return url.set(drivername=_DRIVERS[dialect])


class Database:
    """A pool of connections and the transactions that run on them. Threads may share it."""

    def __init__(self, settings: Settings, answer_timeout_s: int = ANSWER_TIMEOUT_S) -> None:
        """Prepare the pool; nothing is opened before the first transaction.

        Args:
            settings: Where the database is, and how many connections to keep.
            answer_timeout_s: How long a server may take over one statement.

        Raises:
            DatabaseError: The URL cannot be used, or the SQLite file is something else.
        """
        self.url = database_url(settings)
        self.engine = _create_engine(self.url, settings.database.pool_size, answer_timeout_s)
        # Readers do not take SQLite's write lock, so they never wait for a writer.
        reading_engine = self.engine.execution_options(**{_BEGIN_OPTION: "BEGIN DEFERRED"})
        self._writing = sessionmaker(self.engine, expire_on_commit=False)
        self._reading = sessionmaker(reading_engine, expire_on_commit=False)

    def __repr__(self) -> str:
        """Show where the database is, without the password."""
        return f"Database({self.url.render_as_string(hide_password=True)!r})"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Run one transaction: committed at the end of the block, rolled back where it raises."""
        with self._writing.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Run one transaction that only reads."""
        with self._reading.begin() as session:
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Run one transaction on a bare connection, for the work on the schema itself.

        Raises:
            DatabaseError: The server is out of reach or the file cannot be used.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise DatabaseError(explain(error, self.url)) from error

    def close(self) -> None:
        """Close every connection; for the end of a process."""
        self.engine.dispose()


def explain(error: DBAPIError, url: URL) -> str:
    """Put a driver's error into one sentence that says what to do."""
    where = url.render_as_string(hide_password=True)
    reason = " ".join(str(error.orig).split()).rstrip(".")
    if url.get_backend_name() != "sqlite":
        return (
            f"The database {where} cannot be used ({reason}): see that the server runs, that the "
            "database exists and that database.url has the right user and password."
        )
    for words, advice in _SQLITE_ADVICE.items():
        if words in reason:
            return f"The database file {url.database} {advice}."
    return f"The database file {url.database} cannot be used ({reason})."


_SQLITE_ADVICE = {
    "not a database": "is not an SQLite database: move it away, or set database.url to another",
    "malformed": "is damaged: restore a backup of it, or move it away to start anew",
    "unable to open": "cannot be opened: see that its folder exists and this user may write there",
    "readonly": "cannot be written: see that this user may write the file and its folder",
    "disk is full": "cannot be written because the disk is full: make room",
    "locked": "is locked by another program: end that program and start again",
}


def _create_engine(url: URL, pool_size: int, answer_timeout_s: int) -> Engine:
    dialect = url.get_backend_name()
    if dialect == "sqlite":
        return _create_sqlite_engine(url, pool_size)
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=CONNECT_TIMEOUT_S,
        # A server that was restarted must cost no request.
        pool_pre_ping=True,
        # What PostgreSQL does anyway; the default of InnoDB locks gaps that nobody asked for.
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            **_DRIVER_OPTIONS[dialect](answer_timeout_s),
        },
    )


def _psycopg_options(answer_timeout_s: int) -> dict[str, object]:
    return {"options": f"-c statement_timeout={answer_timeout_s * 1000}"}


def _pymysql_options(answer_timeout_s: int) -> dict[str, object]:
    return {
        "read_timeout": answer_timeout_s,
        "write_timeout": answer_timeout_s,
        "charset": "utf8mb4",
        # A value that does not fit must be refused, never cut short in silence.
        "sql_mode": "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE",
    }


_DRIVER_OPTIONS: dict[str, Callable[[int], dict[str, object]]] = {
    "postgresql": _psycopg_options,
    "mysql": _pymysql_options,
}


def _create_sqlite_engine(url: URL, pool_size: int) -> Engine:
    if not url.database or url.database == ":memory:":
        raise DatabaseError(
            "The setting database.url names an SQLite database in memory, which would forget "
            "everything: name a file."
        )
    _refuse_foreign_file(Path(url.database))
    engine = create_engine(url, pool_size=pool_size, max_overflow=pool_size)
    event.listen(engine, "do_connect", _keep_to_owner)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _refuse_foreign_file(path: Path) -> None:
    """Refuse a file that is something else before SQLite touches it."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise DatabaseError(
            f"The database file {path} cannot be read ({error.strerror})."
        ) from None
    if head and head != _SQLITE_MAGIC:
        raise DatabaseError(f"The database file {path} {_SQLITE_ADVICE['not a database']}.")


def _keep_to_owner(
    _dialect: Dialect, _record: object, arguments: list[Any], _options: dict[str, Any]
) -> None:
    """Make the file, where there is none, for its owner alone; SQLite gives those beside it the same mode."""
    # Where it cannot be made, SQLite says why.
    with suppress(OSError):
        Path(arguments[0]).touch(0o600, exist_ok=False)


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions leave schema changes out; ours begin in `_begin_sqlite`.
    connection.isolation_level = None
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the write lock at once and so waits its turn; one that began as a reader would be
    # refused the moment it wants to write behind somebody else's commit.
    statement = connection.get_execution_options().get(_BEGIN_OPTION, "BEGIN IMMEDIATE")
    connection.exec_driver_sql(statement)
