"""The journal's database: SQLite in a file of its own, or PostgreSQL. It knows rows, not what they say.

Each statement commits by itself, and what is committed is on the disk: SQLite runs with `synchronous = FULL`,
PostgreSQL as its server is set up. One thread at a time uses an object of this class.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from app.storage.errors import StorageError

CONNECT_TIMEOUT_S: Final = 5
ANSWER_TIMEOUT_S: Final = 30
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
_PRAGMAS: Final = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    # What is acknowledged is on the disk: NORMAL would survive a killed process, but no power cut.
    "PRAGMA synchronous = FULL",
)
_UNREADABLE: Final = ("malformed", "not a database", "disk image", "file is encrypted")
_AT_A_TIME: Final = 100

_metadata = MetaData()
_JOURNAL: Final = Table(
    "journal",
    _metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
_FACTS: Final = Table(
    "journal_facts",
    _metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String(255), nullable=False),
)
_DAMAGED: Final = Table(
    "journal_damaged",
    _metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""Rows that could not be read, put aside for whoever wants to look at them."""


class UnreadableError(StorageError):
    """The file is damaged, as far as it is one of ours at all."""


def storage_url(text: str) -> URL:
    """Return the URL that a setting means.

    Raises:
        StorageError: it names nothing that is supported.
    """
    advice = "write it as sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text may carry a password, so it is not repeated.
        raise StorageError(f"The setting storage.url cannot be read: {advice}.") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None or (driver == "sqlite" and url.database in {None, "", ":memory:"}):
        raise StorageError(
            f"The setting storage.url names what cannot keep the broker's state: {advice}."
        )
    return url.set(drivername=driver)


class JournalDatabase:
    """One connection to the journal."""

    def __init__(self, url: URL) -> None:
        """Prepare; `open` connects."""
        self.url = url
        self.is_file = url.get_backend_name() == "sqlite"
        options: dict[str, object] = {}
        if not self.is_file:
            options["connect_timeout"] = CONNECT_TIMEOUT_S
            options["options"] = f"-c statement_timeout={ANSWER_TIMEOUT_S * 1000}"
        self._engine = create_engine(
            url, isolation_level="AUTOCOMMIT", connect_args=options, pool_size=1, max_overflow=0
        )
        if self.is_file:
            event.listen(self._engine, "connect", _set_up)
        self._connection: Connection | None = None
        mark = "?" if self.is_file else "%s"
        self._insert = f"INSERT INTO journal (seq, body) VALUES ({mark}, {mark})"  # noqa: S608 - two marks

    @property
    def path(self) -> Path:
        """Return the SQLite file."""
        return Path(self.url.database or "")

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def close(self) -> None:
        """Close the connection, whatever state it is in; the next statement opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except SQLAlchemyError:
                pass  # it was lost already
        self._engine.dispose()

    def open(self) -> int:
        """Make the tables where there are none, and return the format that the journal has; 0 for a new one.

        Raises:
            StorageError: the database cannot be used.
        """
        try:
            if self.is_file:
                # Messages are nobody else's business; SQLite gives the files beside it the same mode.
                self.path.touch(0o600)
            _metadata.create_all(self._connected())
            found = self._connected().execute(
                select(_FACTS.c.value).where(_FACTS.c.name == "format")
            )
            value = found.scalar()
        except OSError as error:
            raise StorageError(
                f"The broker's state cannot be kept in {self.path} ({error.strerror}): see that its folder exists and "
                "can be written, or set storage.url to another database."
            ) from None
        except SQLAlchemyError as error:
            raise self.explained(error) from error
        return int(value) if value is not None else 0

    def set_format(self, number: int) -> None:
        """Note which format the rows have from now on."""
        connection = self._connected()
        connection.execute(delete(_FACTS).where(_FACTS.c.name == "format"))
        connection.execute(insert(_FACTS), {"name": "format", "value": str(number)})

    def frames_in_log(self) -> int:
        """Return how many pages SQLite has found in its write-ahead log; what they say is in the file afterwards.

        Raises:
            StorageError: they cannot be read.
        """
        try:
            _busy, frames, _done = self._connected().exec_driver_sql("PRAGMA wal_checkpoint").one()
        except SQLAlchemyError as error:
            raise self.explained(error) from error
        return int(frames)

    # -- rows ----------------------------------------------------------------------------------

    def rows(self, *, backwards: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield number and body of all rows in order.

        Raises:
            StorageError: the database cannot be read any further.
        """
        column = _JOURNAL.c.seq
        last: int | None = None
        while True:
            query = select(column, _JOURNAL.c.body).limit(_AT_A_TIME)
            query = query.order_by(column.desc() if backwards else column)
            if last is not None:
                query = query.where(column < last if backwards else column > last)
            try:
                found = self._connected().execute(query).all()
            except SQLAlchemyError as error:
                raise self.explained(error) from error
            if not found:
                return
            for number, body in found:
                last = number
                yield number, body

    def put_aside(self, numbers: list[int]) -> None:
        """Move damaged rows where they are in nobody's way."""
        connection = self._connected()
        for number in numbers:
            here = _JOURNAL.c.seq == number
            connection.execute(delete(_DAMAGED).where(_DAMAGED.c.seq == number))
            connection.execute(
                insert(_DAMAGED).from_select(
                    ["seq", "body"], select(_JOURNAL.c.seq, _JOURNAL.c.body).where(here)
                )
            )
            connection.execute(delete(_JOURNAL).where(here))

    def add(self, number: int, body: bytes) -> None:
        """Add a row; when this returns, it is safe.

        Raises:
            SQLAlchemyError: it may or may not be there now.
        """
        # As the driver takes it: going through SQLAlchemy's constructs costs as much as the commit itself.
        self._connected().exec_driver_sql(self._insert, (number, body))

    def add_again(self, number: int, body: bytes) -> None:
        """Add a row that an earlier try may have added without our hearing of it."""
        try:
            self.add(number, body)
        except IntegrityError:
            if (
                not self._connected()
                .execute(select(func.count()).select_from(_JOURNAL).where(_JOURNAL.c.seq == number))
                .scalar()
            ):
                raise

    def remove_below(self, number: int) -> None:
        """Remove the rows that have lower numbers."""
        self._connected().execute(delete(_JOURNAL).where(_JOURNAL.c.seq < number))

    def explained(self, error: SQLAlchemyError) -> StorageError:
        """Put a driver's error into one sentence."""
        where = self.url.render_as_string(hide_password=True)
        original = error.orig if isinstance(error, DBAPIError) else error
        reason = " ".join(str(original).split()).rstrip(".")
        if self.is_file and any(words in reason for words in _UNREADABLE):
            return UnreadableError(f"The file {self.path} is damaged ({reason}).")
        return StorageError(
            f"The broker's state cannot be kept in {where} ({reason}): see that it can be written, "
            "or set storage.url to another database, or storage.sync to off."
        )


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)
