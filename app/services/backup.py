"""Backups: the whole database as one file that any of our databases can be restored from.

The file is gzip of lines of JSON: a header, a line a row, and a last line with the number of rows and the SHA-256 of
all lines before it. What the instance key encrypts is kept in one of two ways, as whoever makes the backup chooses:

    with a passphrase   every row is encrypted under it, secrets of the instance in plain text inside; the restoring
                        instance encrypts them with a key of its own
    under the same key  rows are plain, secrets stay as they are; only an instance with the same key can use them

Nothing is written before the file was read to its end and found whole. Knows no command line.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import secrets
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from sqlalchemy import (
    Connection,
    LargeBinary,
    MetaData,
    Table,
    delete,
    func,
    insert,
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
from app.version import VERSION

FORMAT = 1
PASSPHRASE_MIN_LENGTH = 12
_SEALED_SUFFIX = "_encrypted"
_LINE_MAX = 512 * 1024 * 1024
"""Bytes; more than the largest file in the database takes, and less than what would fill the memory."""
_BATCH_ROWS = 500
_BATCH_BYTES = 4_000_000
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 128 * 1024 * 1024, "dklen": 32}

Progress = Callable[[int], object]
"""Is told how many more rows are done."""


class BackupError(Exception):
    """A backup that cannot be made or restored; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a file says of itself."""

    path: Path
    version: str
    """Of the Godwit that made it."""
    schema: str
    made_at_ms: int
    salt: bytes | None
    """Of the passphrase; None where secrets are under the instance's key."""
    tables: Mapping[str, int]
    """Rows of each table."""

    @property
    def rows(self) -> int:
        """Return how many rows it has."""
        return sum(self.tables.values())


class BackupService:
    """Saves and restores one database; for a command, not for requests."""

    def __init__(self, database: Database, box: SecretBox, clock: Clock) -> None:
        """Take what it works with; the database has all tables of this version."""
        self._database = database
        self._box = box
        self._clock = clock
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
        try:
            database = Database(settings, MIGRATION_TIMEOUT_S)
        except DatabaseError as error:
            raise BackupError(str(error)) from None
        try:
            yield cls(database, box, SystemClock())
        finally:
            database.close()

    def count(self) -> int:
        """Return how many rows there are to save.

        Raises:
            BackupError: The database cannot be read.
        """
        with self._snapshot() as connection:
            return sum(self._count(connection).values())

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
        seal = _cipher(passphrase, salt)
        with _new_file(path) as file, self._snapshot() as connection:
            backup = Backup(
                path, VERSION, steps()[-1], self._clock.wall_ms(), salt, self._count(connection)
            )
            writer = _Writer(file, seal)
            writer.header(backup)
            for table in self._metadata.sorted_tables:
                for row in connection.execution_options(yield_per=_BATCH_ROWS).execute(
                    select(table)
                ):
                    writer.row(table.name, self._portable(table, row._asdict(), seal is not None))
                    progress(1)
            writer.end()
        return backup

    def inspect(self, path: Path) -> Backup:
        """Return what a file says of itself.

        Raises:
            BackupError: It is no backup, damaged, or of a newer version.
        """
        with _Reader.opened(path) as reader:
            return reader.header()

    def restore(self, path: Path, passphrase: str | None, progress: Progress) -> Backup:
        """Replace everything that is in the database, in one transaction.

        Args:
            path: The file; it is read twice, first to find out whether it is whole.
            passphrase: The one that it was made with, if it was.
            progress: Is told of rows done, those of both passes.

        Raises:
            BackupError: The file cannot be used or the database refused it; the database is as it was.
        """
        for _table, row in self._rows(path, passphrase, progress):
            # Secrets that this instance cannot open must be found before anything is gone.
            self._check_secrets(row)
        try:
            with self._database.session() as session:
                for table in reversed(self._metadata.sorted_tables):
                    session.execute(delete(table))
                for table, rows in _batches(self._rows(path, passphrase, progress)):
                    session.execute(insert(table), rows)
                _set_sequences(session, self._metadata)
                backup = self.inspect(path)
                audit.record(session, "database.restore", path.name, after=dict(backup.tables))
        except DBAPIError as error:
            raise BackupError(explain(error, self._database.url)) from error
        except StatementError:
            # A value of a wrong type, which the checksum of a file that we made rules out.
            raise _damaged(path) from None
        return backup

    def _rows(
        self, path: Path, passphrase: str | None, progress: Progress
    ) -> Iterator[tuple[Table, dict[str, Any]]]:
        with _Reader.opened(path) as reader:
            backup = reader.header()
            if backup.salt is not None and not passphrase:
                raise BackupError(f"{path} was made with a passphrase: give it.")
            reader.cipher = _cipher(passphrase, backup.salt)
            for name, row in reader.rows(backup):
                table = self._metadata.tables.get(name)
                if table is None or not row.keys() <= set(table.columns.keys()):
                    raise BackupError(f"{path} has a table or column that is not known: {name}.")
                try:
                    native = self._native(table, row, backup.salt is not None)
                except (ValueError, TypeError, AttributeError):
                    raise _damaged(path) from None
                yield table, native
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
    def _snapshot(self) -> Iterator[Connection]:
        """Give a connection to which nothing changes while it reads."""
        # Statements of servers would each see what was committed meanwhile; SQLite's readers never do.
        is_sqlite = self._database.engine.dialect.name == "sqlite"
        options = {} if is_sqlite else {"isolation_level": "REPEATABLE READ"}
        try:
            with self._database.reading() as session:
                yield session.connection(execution_options=options)
        except DBAPIError as error:
            raise BackupError(explain(error, self._database.url)) from error

    def _count(self, connection: Connection) -> dict[str, int]:
        return {
            str(table.name): connection.scalar(select(func.count()).select_from(table)) or 0
            for table in self._metadata.sorted_tables
        }

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
                native[name] = base64.b64decode(value)
            elif with_secrets and name.endswith(_SEALED_SUFFIX):
                native[name] = self._box.seal(value)
        return native


class _Writer:
    """Lines of a backup, and what their checksum is."""

    def __init__(self, file: BinaryIO, cipher: SecretBox | None) -> None:
        self._gzip = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6)
        self._cipher = cipher
        self._digest = hashlib.sha256()
        self._rows = 0

    def header(self, backup: Backup) -> None:
        salt = None if backup.salt is None else backup.salt.hex()
        header = {
            "godwit_backup": FORMAT,
            "version": backup.version,
            "schema": backup.schema,
            "made_at": backup.made_at_ms,
            "salt": salt,
            "tables": backup.tables,
        }
        self._line(orjson.dumps(header))

    def row(self, table: str, row: Mapping[str, Any]) -> None:
        self._line(self._sealed(orjson.dumps([str(table), row])))
        self._rows += 1

    def end(self) -> None:
        last = {"rows": self._rows, "sha256": self._digest.hexdigest()}
        self._line(self._sealed(orjson.dumps(last)))
        self._gzip.close()

    def _sealed(self, line: bytes) -> bytes:
        return line if self._cipher is None else self._cipher.seal(line.decode()).encode()

    def _line(self, line: bytes) -> None:
        line += b"\n"
        self._digest.update(line)
        self._gzip.write(line)


class _Reader:
    """Lines of a backup, each refused where it is not what it should be."""

    def __init__(self, path: Path, stream: gzip.GzipFile) -> None:
        self.cipher: SecretBox | None = None
        self._path = path
        self._gzip = stream
        self._digest = hashlib.sha256()

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[_Reader]:
        try:
            with path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
                yield cls(path, stream)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise _damaged(path) from None
        except OSError as error:
            raise BackupError(f"Give a file that can be read: {path} ({error.strerror}).") from None

    def header(self) -> Backup:
        header = self._decoded(self._line())
        if not isinstance(header, dict) or "godwit_backup" not in header:
            raise BackupError(f"{self._path} is no backup of Godwit.")
        if header["godwit_backup"] != FORMAT or header.get("schema") not in steps():
            raise BackupError(
                f"{self._path} was made by Godwit {header.get('version')}, which is newer than this "
                f"{VERSION}: install that version, or a later one."
            )
        try:
            salt = header["salt"]
            tables = {str(name): int(count) for name, count in header["tables"].items()}
            return Backup(
                self._path,
                str(header["version"]),
                header["schema"],
                int(header["made_at"]),
                None if salt is None else bytes.fromhex(salt),
                tables,
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _damaged(self._path) from None

    def rows(self, backup: Backup) -> Iterator[tuple[str, dict[str, Any]]]:
        found: Counter[str] = Counter()
        while True:
            digest = self._digest.hexdigest()
            value = self._decoded(self._opened(self._line()))
            match value:
                case [str(name), dict(row)]:
                    found[name] += 1
                    yield name, row
                case {"rows": int(count), "sha256": str(sha256)}:
                    break
                case _:
                    raise _damaged(self._path)
        whole = sha256 == digest and count == found.total() and not self._gzip.read(1)
        if not whole or found != Counter(backup.tables):
            raise _damaged(self._path)

    def _line(self) -> bytes:
        line = self._gzip.readline(_LINE_MAX)
        if not line.endswith(b"\n"):
            raise _damaged(self._path)
        self._digest.update(line)
        return line

    def _opened(self, line: bytes) -> bytes:
        if self.cipher is None:
            return line
        try:
            return self.cipher.open(line.rstrip(b"\n").decode("ascii")).encode()
        except (SecretBoxError, UnicodeDecodeError):
            raise BackupError(
                f"{self._path} cannot be decrypted: the passphrase is wrong, or the file is damaged."
            ) from None

    def _decoded(self, line: bytes) -> Any:
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            raise _damaged(self._path) from None


def check_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that protects nothing.

    Raises:
        BackupError: It is too short.
    """
    if len(passphrase) < PASSPHRASE_MIN_LENGTH:
        raise BackupError(
            f"Choose a passphrase of at least {PASSPHRASE_MIN_LENGTH} characters: whoever has the "
            "file can try as many as he likes."
        )


def _cipher(passphrase: str | None, salt: bytes | None) -> SecretBox | None:
    if passphrase is None or salt is None:
        return None
    key = hashlib.scrypt(passphrase.encode("utf-8", "surrogateescape"), salt=salt, **_SCRYPT)
    return SecretBox(Path(), key.hex())


def _damaged(path: Path) -> BackupError:
    return BackupError(f"{path} is damaged or not complete: use another backup.")


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that appears under its name when it is whole, and not at all where the block raises."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if path.exists():
            raise BackupError(f"{path} is there already: choose another name, or move it away.")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            # A link fails where somebody else made the file meanwhile; a rename would replace it.
            os.link(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise BackupError(f"{path} cannot be written ({error.strerror}).") from None


def _batches(
    rows: Iterator[tuple[Table, dict[str, Any]]],
) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Gather rows of one table with the same columns, as many as a server takes at once."""
    table: Table | None = None
    batch: list[dict[str, Any]] = []
    size = 0
    for owner, row in rows:
        full = len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES
        if batch and table is not None and (owner is not table or full):
            yield table, batch
            batch, size = [], 0
        table = owner
        batch.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
    if batch and table is not None:
        yield table, batch


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
