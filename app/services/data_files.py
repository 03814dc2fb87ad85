"""Export files: rows that are listed, downloaded, uploaded and deleted, and the limits of what is read as one.

A file is a JSON text of EMQX 4's (`docs/compatibility.md`). Names are names of rows and never paths of a disk. It knows
no table but that of the files: what is in them concerns `export` and `data_import`.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, DataFile
from app.models.data_file import FILENAME_MAX_LENGTH
from app.schemas.fields import is_storable
from app.services import audit

SUFFIX = ".json"
BYTE_ORDER_MARK = "\ufeff"
_CONTROL = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a file may take, so that a small one cannot unfold into something that fills the memory."""

    max_size: int
    """Bytes of the JSON text."""
    max_depth: int
    """Brackets within brackets."""
    max_values: int
    """Members and elements of everything in it together."""


@dataclass(frozen=True, slots=True)
class DataFileRecord:
    """An export file as lists show it."""

    filename: str
    node: str
    size: int
    """Bytes."""
    created_at_ms: int


class DocumentRefused(ServiceError):
    """A text that is no usable document; `reason` is a sentence for the caller."""

    def __init__(self, reason: str) -> None:
        """Say `bad_json`, as EMQX does, and keep the reason."""
        super().__init__(ResultCode.NOT_JSON, "bad_json", bare=True)
        self.reason = reason


class DataFilesService:
    """Keeps export files. Request threads share it."""

    def __init__(self, database: Database, clock: Clock, node: str, limits: DocumentLimits) -> None:
        """Take what it works with; `node` is the name of the node that stores files from now on."""
        self._database = database
        self._clock = clock
        self._node = node
        self.limits = limits

    def list(self) -> list[DataFileRecord]:
        """Return all files, the oldest first."""
        with self._database.reading() as session:
            rows = session.scalars(
                select(DataFile).order_by(DataFile.created_at, DataFile.filename)
            )
            return [_record(row) for row in rows]

    def content(self, filename: str) -> str:
        """Return the text of a file; where a path is given, its last part is the name.

        Raises:
            ServiceError: There is no such file.
        """
        name = base_name(filename)
        with self._database.reading() as session:
            row = _find(session, name, with_content=True)
            if row is None:
                raise _not_found()
            if hashlib.sha256(row.content).hexdigest() != row.sha256:
                raise DocumentRefused(f"{name} is not what was stored: its checksum is wrong")
            return row.content.decode()

    def document(self, filename: str) -> Mapping[str, object]:
        """Return what a file says.

        Raises:
            ServiceError: There is no such file, or it is no document (`DocumentRefused`).
        """
        return self.read(self.content(filename))

    def read(self, text: str | bytes) -> Mapping[str, object]:
        """Return a text's JSON object, if it is within the limits.

        Raises:
            DocumentRefused: It is not.
        """
        return read_document(text, self.limits)

    def upload(self, filename: str | None, text: str) -> DataFileRecord:
        """Keep a file that somebody sent; one of the same name is replaced.

        Args:
            filename: Its name; None or an empty one has one made up.
            text: Its content.

        Raises:
            ServiceError: The name cannot be one, or the text is no document.
        """
        if filename:
            check_name(filename)
        self.read(text)
        return self.store(text.removeprefix(BYTE_ORDER_MARK), "data_file.upload", filename)

    def store(self, text: str, action: str, filename: str | None = None) -> DataFileRecord:
        """Keep a document under this name, or under one that says when it was made.

        Args:
            text: A JSON object.
            action: What the audit log calls this.
            filename: A checked name.
        """
        content = text.encode()
        now_ms = self._clock.wall_ms()
        with self._database.session() as session:
            name = filename or _free_name(session, now_ms)
            before = session.get(DataFile, name)
            row = session.merge(
                DataFile(
                    filename=name,
                    node=self._node,
                    size=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                    created_at=now_ms,
                    content=content,
                )
            )
            replaced = None if before is None else {"sha256": before.sha256}
            audit.record(
                session,
                action,
                name,
                before=replaced,
                after={"size": row.size, "sha256": row.sha256},
            )
            return _record(row)

    def delete(self, filename: str) -> None:
        """Delete a file.

        Raises:
            ServiceError: There is no such file.
        """
        with self._database.session() as session:
            row = _find(session, filename)
            if row is None:
                raise _not_found()
            before = {"size": row.size, "sha256": row.sha256}
            audit.record(session, "data_file.delete", filename, before=before)
            session.delete(row)


def base_name(filename: str) -> str:
    """Return the last part of a path: who got EMQX's answer sends back the path that it showed."""
    return PurePosixPath(filename).name


def check_name(filename: str) -> None:
    """Refuse what cannot be the name of a file, in EMQX's word."""
    fits = (
        filename.endswith(SUFFIX)
        and len(filename) in range(len(SUFFIX) + 1, FILENAME_MAX_LENGTH + 1)
        and not filename.startswith(".")
        and not _CONTROL.search(filename)
        and is_storable(filename)
    )
    if not fits:
        raise ServiceError(ResultCode.BAD_PARAMETER, "bad_filename", bare=True)


def read_document(text: str | bytes, limits: DocumentLimits) -> Mapping[str, object]:
    """Return a text's JSON object, if it is within the limits.

    Raises:
        DocumentRefused: It is too large, too deep, has too many values, or is no JSON object in UTF-8.
    """
    try:
        content = text if isinstance(text, str) else text.decode("utf-8")
        content = content.removeprefix(BYTE_ORDER_MARK)
        size = len(content.encode())
    except UnicodeError:
        raise DocumentRefused("the file is not UTF-8") from None
    if size > limits.max_size:
        raise DocumentRefused(f"the file is larger than management.data.max_size ({size} bytes)")
    # Counted before anything is made of it: a comma in a text counts as well, which only errs on the safe side.
    if sum(map(content.count, ",[{")) > limits.max_values:
        raise DocumentRefused("the file has more values than management.data.max_values")
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise DocumentRefused(f"the file is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise DocumentRefused("the file is no JSON object")
    _check_values(document, limits.max_depth)
    return document


def check_document(document: object, limits: DocumentLimits) -> Mapping[str, object]:
    """Return a decoded object, if it is within the limits that are left to check.

    Raises:
        DocumentRefused: It is no object, or too deep.
    """
    if not isinstance(document, dict):
        raise DocumentRefused("the body is no JSON object")
    _check_values(document, limits.max_depth)
    return document


def _check_values(document: object, max_depth: int) -> None:
    """Walk level by level, so that no depth can exhaust the stack."""
    level: list[object] = [document]
    for _depth in range(max_depth):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.keys())
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
            elif isinstance(value, str) and "\0" in value:
                raise DocumentRefused("the file has a text with the character U+0000")
        level = inner
        if not level:
            return
    raise DocumentRefused("the file is nested deeper than management.data.max_depth")


def _find(session: Session, name: str, *, with_content: bool = False) -> DataFile | None:
    # A name that no file can have is not asked for: a server may refuse its very characters.
    if len(name) > FILENAME_MAX_LENGTH or not is_storable(name):
        return None
    options = [undefer(DataFile.content)] if with_content else []
    return session.get(DataFile, name, options=options)


def _free_name(session: Session, at_ms: int) -> str:
    """Return EMQX's name for a moment, numbered where another file of the same second has it."""
    now = time.localtime(at_ms // 1000)
    stem = "emqx-export-" + "-".join(map(str, now[:6]))
    taken = set(
        session.scalars(
            select(DataFile.filename).where(DataFile.filename.startswith(stem, autoescape=True))
        )
    )
    number = 1
    name = stem + SUFFIX
    while name in taken:
        number += 1
        name = f"{stem}-{number}{SUFFIX}"
    return name


def _record(row: DataFile) -> DataFileRecord:
    return DataFileRecord(row.filename, row.node, row.size, row.created_at)


def _not_found() -> ServiceError:
    return ServiceError(ResultCode.NOT_FOUND, "not_found", bare=True)
