"""What a backup copies beside the database: the broker's journal, and the outbox.

Each is a database of its own, read as of one moment while its owner goes on writing, and replaced in one transaction.
Their columns are looked up in them, so only they themselves say what they have. Knows no file of a backup.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError

from app.config import Settings
from app.rules.outbox import file as outbox
from app.services.backup_file import BackupError
from app.storage.database import CONNECT_TIMEOUT_S, JournalDatabase, storage_url
from app.storage.errors import StorageError
from app.storage.journal import FORMAT as JOURNAL_FORMAT

BROKER = "broker"
OUTBOX = "outbox"
ADVICE = {
    BROKER: "its sessions, retained and delayed messages could be kept nowhere: set storage.sync to ack",
    OUTBOX: "its results that wait could be kept nowhere",
}
"""What is lost where a backup holds a part that this instance has not."""
BATCH_ROWS = 500
_BUSY_S = 30.0


@contextmanager
def _explained(explain: Callable[[DBAPIError], str]) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise BackupError(explain(error)) from error


@dataclass(frozen=True, slots=True)
class Source:
    """One table that can be read, or written, on an open connection; what fails is a `BackupError`."""

    table: Table
    connection: Connection
    explain: Callable[[DBAPIError], str]
    """Puts an error of its database into one sentence."""

    @contextmanager
    def _explained(self) -> Iterator[Connection]:
        with _explained(self.explain):
            yield self.connection

    def count(self) -> int:
        """Return how many rows it has."""
        with self._explained() as connection:
            return connection.scalar(select(func.count()).select_from(self.table)) or 0

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield its rows."""
        with self._explained() as connection:
            some_at_a_time = connection.execution_options(yield_per=BATCH_ROWS)
            for row in some_at_a_time.execute(select(self.table)):
                yield row._asdict()

    def clear(self) -> None:
        """Remove all rows."""
        with self._explained() as connection:
            connection.execute(delete(self.table))

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Add rows that have the same columns."""
        with self._explained() as connection:
            connection.execute(insert(self.table), rows)


@dataclass(frozen=True, slots=True)
class Part:
    """One such database."""

    name: str
    url: URL
    tables: tuple[str, ...]
    """Those that are copied, in the order in which they are written."""
    format: int
    """The newest one that this version can read."""
    prepare: Callable[[], None]
    """Makes the tables where there are none."""

    @contextmanager
    def snapshot(self) -> Iterator[dict[str, Source]]:
        """Give the tables as they are at one moment, by their names in a backup; none where nothing was ever kept.

        Raises:
            BackupError: They cannot be read.
        """
        if self._is_file and not Path(self.url.database or "").exists():
            yield {}
            return
        with self._begun("BEGIN", "REPEATABLE READ") as connection:
            yield self._sources(connection)

    @contextmanager
    def replacing(self) -> Iterator[dict[str, Source]]:
        """Give the tables in a transaction that is committed at the end of the block.

        Raises:
            BackupError: They cannot be written.
        """
        try:
            self.prepare()
        except (StorageError, outbox.OutboxError) as error:
            raise BackupError(str(error)) from None
        with self._begun("BEGIN IMMEDIATE", "READ COMMITTED") as connection:
            yield self._sources(connection)

    @property
    def _is_file(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def _sources(self, connection: Connection) -> dict[str, Source]:
        metadata = MetaData()
        with _explained(self._explain):
            there = set(inspect(connection).get_table_names())
            if not there >= set(self.tables):
                return {}
            metadata.reflect(connection, only=self.tables)
        return {
            f"{self.name}.{table}": Source(metadata.tables[table], connection, self._explain)
            for table in self.tables
        }

    def _explain(self, error: DBAPIError) -> str:
        reason = " ".join(str(error.orig).split()).rstrip(".")
        return f"{self.url.render_as_string(hide_password=True)} cannot be copied ({reason})."

    @contextmanager
    def _begun(self, begin: str, isolation: str) -> Iterator[Connection]:
        """Give a connection with a transaction, which is committed at the end of the block."""
        engine = self._file_engine(begin) if self._is_file else self._server_engine(isolation)
        try:
            # Not around the block: what fails in there may be another database.
            with _explained(self._explain):
                connection = engine.connect()
            with connection:
                with _explained(self._explain):
                    transaction = connection.begin()
                with transaction:
                    yield connection
                    with _explained(self._explain):
                        transaction.commit()
        finally:
            engine.dispose()

    def _file_engine(self, begin: str) -> Engine:
        engine = create_engine(self.url, connect_args={"timeout": _BUSY_S})

        def set_up(connection: sqlite3.Connection, _record: object) -> None:
            # The driver would begin a transaction for writing only.
            connection.isolation_level = None

        event.listen(engine, "connect", set_up)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _server_engine(self, isolation: str) -> Engine:
        options = {"connect_timeout": CONNECT_TIMEOUT_S}
        return create_engine(self.url, isolation_level=isolation, connect_args=options)


def parts_of(settings: Settings) -> Mapping[str, Part]:
    """Return what these settings keep beside the database, by name.

    Raises:
        BackupError: The setting `storage.url` cannot be used.
    """
    parts = [_outbox(settings.instance_dir / outbox.FILE)]
    if settings.storage.sync != "off":
        try:
            parts.append(_broker(storage_url(settings.storage_url)))
        except StorageError as error:
            raise BackupError(str(error)) from None
    return {part.name: part for part in parts}


def _broker(url: URL) -> Part:
    def prepare() -> None:
        database = JournalDatabase(url)
        try:
            database.open()
        finally:
            database.close()

    return Part(BROKER, url, ("journal_facts", "journal"), JOURNAL_FORMAT, prepare)


def _outbox(path: Path) -> Part:
    def prepare() -> None:
        kept = outbox.Outbox(path)
        kept.open()
        kept.close()

    url = URL.create("sqlite", database=str(path))
    return Part(OUTBOX, url, ("waiting", "dead"), outbox.FORMAT, prepare)
