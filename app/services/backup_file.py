"""The file of a backup: gzip of lines of JSON, written once, and refused where it is not whole.

A header, a line a row, and a last line with the number of rows and the SHA-256 of all lines before it. With a
passphrase every line but the header is encrypted. Knows names of tables and columns, and no database.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from app.models.migration import steps
from app.secret_box import SecretBox, SecretBoxError
from app.version import VERSION

FORMAT = 2
"""2 since what the broker and the outbox keep is part of it; files of 1 hold the database alone."""
_READABLE = (1, FORMAT)
PASSPHRASE_MIN_LENGTH = 12
_LINE_MAX = 512 * 1024 * 1024
"""Bytes; more than the largest file in the database takes, and less than what would fill the memory."""
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 128 * 1024 * 1024, "dklen": 32}


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
    formats: Mapping[str, int] = field(default_factory=dict)
    """Of each part beside the database that it holds."""

    @property
    def rows(self) -> int:
        """Return how many rows it has."""
        return sum(self.tables.values())


class BackupWriter:
    """Lines of a backup, and what their checksum is."""

    def __init__(self, file: BinaryIO, cipher: SecretBox | None) -> None:
        """Write into this file, encrypted where there is a cipher."""
        self._gzip = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6)
        self._cipher = cipher
        self._digest = hashlib.sha256()
        self._rows = 0

    def header(self, backup: Backup) -> None:
        """Begin with what it says of itself."""
        salt = None if backup.salt is None else backup.salt.hex()
        header = {
            "godwit_backup": FORMAT,
            "version": backup.version,
            "schema": backup.schema,
            "made_at": backup.made_at_ms,
            "salt": salt,
            "tables": backup.tables,
            "formats": backup.formats,
        }
        self._line(orjson.dumps(header))

    def row(self, table: str, row: Mapping[str, Any]) -> None:
        """Add a row."""
        self._line(self._sealed(orjson.dumps([str(table), row])))
        self._rows += 1

    def end(self) -> None:
        """End with the checksum."""
        last = {"rows": self._rows, "sha256": self._digest.hexdigest()}
        self._line(self._sealed(orjson.dumps(last)))
        self._gzip.close()

    def _sealed(self, line: bytes) -> bytes:
        return line if self._cipher is None else self._cipher.seal(line.decode()).encode()

    def _line(self, line: bytes) -> None:
        line += b"\n"
        self._digest.update(line)
        self._gzip.write(line)


class BackupReader:
    """Lines of a backup, each refused where it is not what it should be."""

    def __init__(self, path: Path, stream: gzip.GzipFile) -> None:
        """Read this stream of the file."""
        self.cipher: SecretBox | None = None
        """What rows are decrypted with; the header never is."""
        self._path = path
        self._gzip = stream
        self._digest = hashlib.sha256()

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[BackupReader]:
        """Give a reader of this file.

        Raises:
            BackupError: It cannot be read, or is damaged as far as the block reads it.
        """
        try:
            with path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
                yield cls(path, stream)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise damaged(path) from None
        except OSError as error:
            raise BackupError(f"Give a file that can be read: {path} ({error.strerror}).") from None

    def header(self) -> Backup:
        """Return what the file says of itself.

        Raises:
            BackupError: It is no backup, damaged, or of a newer version.
        """
        header = self._decoded(self._line())
        if not isinstance(header, dict) or "godwit_backup" not in header:
            raise BackupError(f"{self._path} is no backup of Godwit.")
        if header["godwit_backup"] not in _READABLE or header.get("schema") not in steps():
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
                {str(name): int(number) for name, number in header.get("formats", {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise damaged(self._path) from None

    def rows(self, backup: Backup) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield table and row, all there are.

        Raises:
            BackupError: The file is damaged, which may only show at its end.
        """
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
                    raise damaged(self._path)
        whole = sha256 == digest and count == found.total() and not self._gzip.read(1)
        if not whole or found != Counter(backup.tables):
            raise damaged(self._path)

    def _line(self) -> bytes:
        line = self._gzip.readline(_LINE_MAX)
        if not line.endswith(b"\n"):
            raise damaged(self._path)
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
            raise damaged(self._path) from None


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


def cipher_for(passphrase: str | None, salt: bytes | None) -> SecretBox | None:
    """Return what encrypts under a passphrase; None where there is none."""
    if passphrase is None or salt is None:
        return None
    key = hashlib.scrypt(passphrase.encode("utf-8", "surrogateescape"), salt=salt, **_SCRYPT)
    return SecretBox(Path(), key.hex())


def damaged(path: Path) -> BackupError:
    """Return the refusal of a file that is not whole."""
    return BackupError(f"{path} is damaged or not complete: use another backup.")


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
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
