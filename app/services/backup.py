"""Backups: database, broker's state and outbox as one file that any of our databases can be restored from.

What the instance key encrypts is kept in one of two ways, as whoever makes the backup chooses:

    with a passphrase   every row is encrypted under it, secrets of the instance in plain text inside; the restoring
                        instance encrypts them with a key of its own
    under the same key  rows are plain, secrets stay as they are; only an instance with the same key can use them

Nothing is written before the file was read to its end and found whole. Knows no command line.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    LargeBinary,
    MetaData,
    Table,
    func,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from app.clock import Clock, SystemClock
from app.config import Settings
from app.models import Base, Database
from app.models.database import DatabaseError, explain
from app.models.migration import MIGRATION_TIMEOUT_S, steps
from app.secret_box import SecretBox, SecretBoxError
from app.services import audit
from app.services.backup_file import (
    Backup,
    BackupError,
    BackupReader,
    BackupWriter,
    cipher_for,
    damaged,
    new_file,
)
from app.services.backup_parts import ADVICE, BATCH_ROWS, Part, Source, parts_of
from app.version import VERSION

_SEALED_SUFFIX = "_encrypted"
_BATCH_BYTES = 4_000_000

Progress = Callable[[int], object]
"""Is told how many more rows are done."""


class BackupService:
    """Saves and restores one instance; for a command, not for requests."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Clock, parts: Mapping[str, Part]
    ) -> None:
        """Take what it works with.

        Args:
            database: Has all tables of this version.
            box: Opens and seals secrets.
            clock: Says when a backup was made.
            parts: What is kept beside the database, by name.
        """
        self._database = database
        self._box = box
        self._clock = clock
        self._parts = parts
        self._metadata: MetaData = Base.metadata

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings) -> Iterator[BackupService]:
        """Give the service over the database of these settings, with time for long statements.

        Raises:
            BackupError: The database cannot be used.
            SecretBoxError: The instance's key cannot be used.
        """
        box = SecretBox(settings.instance_dir, settings.node.secret_key)
        parts = parts_of(settings)
        try:
            database = Database(settings, MIGRATION_TIMEOUT_S)
        except DatabaseError as error:
            raise BackupError(str(error)) from None
        try:
            yield cls(database, box, SystemClock(), parts)
        finally:
            database.close()

    def count(self) -> int:
        """Return how many rows there are to save.

        Raises:
            BackupError: The database cannot be read.
        """
        with self._snapshot() as sources:
            return sum(source.count() for source in sources.values())

    def save(self, path: Path, passphrase: str | None, progress: Progress) -> Backup:
        """Write everything, as of one moment, into a new file that only its owner can read.

        Args:
            path: A file that is not there yet.
            passphrase: What everything is encrypted under; None leaves secrets under the instance's key.
            progress: Is told of rows done.

        Raises:
            BackupError: The file is there already or cannot be written, or the database cannot be read.
            SecretBoxError: A secret was sealed with another key.
        """
        salt = None if passphrase is None else secrets.token_bytes(16)
        seal = cipher_for(passphrase, salt)
        formats = {name: part.format for name, part in self._parts.items()}
        with new_file(path) as file, self._snapshot() as sources:
            # Counting is the first look, and what was looked at once does not change any more.
            counts = {name: source.count() for name, source in sources.items()}
            made_at_ms = self._clock.wall_ms()
            backup = Backup(path, VERSION, steps()[-1], made_at_ms, salt, counts, formats)
            writer = BackupWriter(file, seal)
            writer.header(backup)
            for name, source in sources.items():
                for row in source.rows():
                    writer.row(name, self._portable(source.table, row, seal is not None))
                    progress(1)
            writer.end()
        return backup

    def inspect(self, path: Path) -> Backup:
        """Return what a file says of itself.

        Raises:
            BackupError: It is no backup, damaged, or of a newer version.
        """
        with BackupReader.opened(path) as reader:
            return reader.header()

    def check(self, path: Path, passphrase: str | None, progress: Progress) -> Backup:
        """Read a file to its end, and see that this instance could be restored from it.

        Args:
            path: The file.
            passphrase: The one that it was made with, if it was.
            progress: Is told of rows done.

        Raises:
            BackupError: The file cannot be used.
        """
        backup = self.inspect(path)
        self._check_parts(backup)
        for _name, row in self._rows(path, passphrase, progress):
            if backup.salt is None:
                self._check_secrets(row)
        return backup

    def restore(self, path: Path, passphrase: str | None, progress: Progress) -> Backup:
        """Replace everything: in one transaction each, committed one right behind the other.

        A backup that holds the database alone leaves the broker's state and the outbox as they are.

        Args:
            path: The file; it is read twice, first to find out whether it is whole.
            passphrase: The one that it was made with, if it was.
            progress: Is told of rows done, those of both passes.

        Raises:
            BackupError: The file cannot be used or a database refused it; everything is as it was.
        """
        # Secrets that this instance cannot open must be found before anything is gone.
        backup = self.check(path, passphrase, progress)
        try:
            # What is entered last is committed first: the database, which everybody misses most, comes last.
            with self._database.session() as session, ExitStack() as stack:
                targets = self._tables(session.connection())
                for name in backup.formats:
                    targets |= stack.enter_context(self._parts[name].replacing())
                self._replace(targets, backup, self._rows(path, passphrase, progress))
                _set_sequences(session, self._metadata)
                audit.record(session, "database.restore", path.name, after=dict(backup.tables))
                session.flush()
        except DBAPIError as error:
            raise BackupError(explain(error, self._database.url)) from error
        except StatementError:
            # A value of a wrong type, which the checksum of a file that we made rules out.
            raise damaged(path) from None
        return backup

    def _check_parts(self, backup: Backup) -> None:
        for name, number in backup.formats.items():
            part = self._parts.get(name)
            if part is None:
                missed = ADVICE.get(name, f"it holds {name}, which is not known here")
                raise BackupError(f"{backup.path} cannot be restored here, {missed}.")
            if number > part.format:
                raise BackupError(
                    f"{backup.path} was made by Godwit {backup.version}, which is newer than this "
                    f"{VERSION}: install that version, or a later one."
                )

    def _replace(
        self,
        targets: Mapping[str, Source],
        backup: Backup,
        rows: Iterator[tuple[str, dict[str, Any]]],
    ) -> None:
        for target in reversed(list(targets.values())):
            target.clear()
        for name, batch in _batches(rows):
            if name not in targets or not _fits(batch[0], targets[name].table):
                raise BackupError(f"{backup.path} has a table or column that is not known: {name}.")
            target = targets[name]
            try:
                native = [self._native(target.table, row, backup.salt is not None) for row in batch]
            except (ValueError, TypeError, AttributeError):
                raise damaged(backup.path) from None
            target.add(native)

    def _rows(
        self, path: Path, passphrase: str | None, progress: Progress
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield names of tables and rows as they are in the file."""
        with BackupReader.opened(path) as reader:
            backup = reader.header()
            if backup.salt is not None and not passphrase:
                raise BackupError(f"{path} was made with a passphrase: give it.")
            reader.cipher = cipher_for(passphrase, backup.salt)
            for row in reader.rows(backup):
                yield row
                progress(1)

    def _check_secrets(self, row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            if name.endswith(_SEALED_SUFFIX) and value is not None:
                try:
                    self._box.open(value)
                except SecretBoxError:
                    raise BackupError(
                        "The secrets of this backup are encrypted with another key: set "
                        "node.secret_key or secret.key to the one of the instance that made it, "
                        "or make the backup with a passphrase."
                    ) from None

    @contextmanager
    def _snapshot(self) -> Iterator[dict[str, Source]]:
        """Give every table, none of which changes any more once it was looked at."""
        # Statements of servers would each see what was committed meanwhile; SQLite's readers never do.
        is_sqlite = self._database.engine.dialect.name == "sqlite"
        options = {} if is_sqlite else {"isolation_level": "REPEATABLE READ"}
        try:
            with self._database.reading() as session, ExitStack() as stack:
                sources = self._tables(session.connection(execution_options=options))
                for part in self._parts.values():
                    sources |= stack.enter_context(part.snapshot())
                yield sources
        except DBAPIError as error:
            raise BackupError(explain(error, self._database.url)) from error

    def _tables(self, connection: Connection) -> dict[str, Source]:
        def told(error: DBAPIError) -> str:
            return explain(error, self._database.url)

        tables = self._metadata.sorted_tables
        return {str(table.name): Source(table, connection, told) for table in tables}

    def _portable(self, table: Table, row: Mapping[str, Any], with_secrets: bool) -> dict[str, Any]:
        return {
            str(name): self._portable_value(table, name, value, with_secrets)
            for name, value in row.items()
        }

    def _portable_value(self, table: Table, name: str, value: Any, with_secrets: bool) -> Any:
        if value is None:
            return None
        if isinstance(table.columns[name].type, LargeBinary):
            return base64.b64encode(value).decode()
        if with_secrets and name.endswith(_SEALED_SUFFIX):
            return self._box.open(value)
        return value

    def _native(self, table: Table, row: Mapping[str, Any], with_secrets: bool) -> dict[str, Any]:
        native = dict(row)
        for name, value in row.items():
            if value is None:
                continue
            if isinstance(table.columns[name].type, LargeBinary):
                native[name] = base64.b64decode(value, validate=True)
            elif with_secrets and name.endswith(_SEALED_SUFFIX):
                native[name] = self._box.seal(value)
        return native


def _batches(
    rows: Iterator[tuple[str, dict[str, Any]]],
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Gather rows of one table with the same columns, as many as a server takes at once."""
    table = ""
    batch: list[dict[str, Any]] = []
    size = 0
    for owner, row in rows:
        full = len(batch) >= BATCH_ROWS or size >= _BATCH_BYTES
        if batch and (owner != table or full):
            yield table, batch
            batch, size = [], 0
        table = owner
        batch.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str))
    if batch:
        yield table, batch


def _fits(row: Mapping[str, Any], table: Table) -> bool:
    return row.keys() <= set(table.columns.keys())


def _set_sequences(session: Session, metadata: MetaData) -> None:
    """Let PostgreSQL count on behind the ids that were restored; the others look for themselves."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        highest = session.scalar(select(func.max(column))) or 0
        session.execute(
            text("SELECT setval(pg_get_serial_sequence(:table, :column), :next, false)"),
            {"table": table.name, "column": column.name, "next": highest + 1},
        )
