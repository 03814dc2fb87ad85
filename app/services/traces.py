"""Traces: the database knows which there are, the loop writes their logs, this room reads them."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.broker.trace import Tracer, TraceSpec
from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, Trace
from app.schemas.trace import IncorrectTrace, TraceRequest, read_trace
from app.services import audit
from app.services.observation import Door, require
from app.services.query import to_integer
from app.services.refusals import WordedError

MOST_TRACES = 30
MOST_BYTES = 1_048_576
"""Bytes of a log in one answer."""
TOO_MANY = (
    "The number of traces created has reached the maximum please delete the useless ones first"
)


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One trace as it may leave this room."""

    name: str
    type: str
    filter: str
    start_s: int
    end_s: int
    log_size: int
    """Bytes."""
    status: str
    """waiting, running or stopped."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """Some of a log, and where it goes on."""

    text: str
    position: int
    bytes: int


class TracesService:
    """Makes, stops, shows and deletes traces. Request threads share it.

    Every method but `stored` raises `ServiceError` while the module is not loaded.
    """

    def __init__(
        self, database: Database, door: Door, clock: Clock, folder: Path, node_name: str
    ) -> None:
        """Take what it works with.

        Args:
            database: Where traces are.
            door: The way to the loop.
            clock: Wall time.
            folder: Where the logs are; made when first needed.
            node_name: Whose logs.
        """
        self.engine = Tracer()
        self.node_name = node_name
        self._database = database
        self._door = door
        self._clock = clock
        self._folder = folder
        # What the database says and what the loop does must change in the same order.
        self._change = threading.Lock()

    def list(self) -> list[TraceRecord]:
        """Return all traces, those that begin last first."""
        require(self.engine)
        self.engine.flush()
        with self._database.reading() as session:
            rows = session.scalars(select(Trace).order_by(Trace.start_at.desc(), Trace.name))
            return [self._record(row) for row in rows]

    def create(self, params: Mapping[str, object]) -> None:
        """Make a trace.

        Args:
            params: `name`, `type`, a member called like the type, and `start_at` and `end_at` where wanted.

        Raises:
            WordedError: It cannot be, or there is such a one already.
        """
        require(self.engine)
        try:
            asked = read_trace(params, self._now_s())
        except IncorrectTrace as error:
            raise _incorrect(str(error)) from None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A deleted namesake may leave a file whose removal is still to come.
        self.engine.flush()
        with self._change:
            with self._database.session() as session:
                _refuse_doubles(session, asked)
                row = Trace(
                    name=asked.name,
                    type=asked.type,
                    filter=asked.filter,
                    start_at=asked.start_s,
                    end_at=asked.end_s,
                    enable=True,
                )
                session.add(row)
                audit.record(
                    session,
                    "trace.create",
                    asked.name,
                    after={"type": asked.type, "filter": asked.filter},
                )
                spec = self._spec(row)
            self._door.call(self.engine.add, spec)

    def stop(self, name: str) -> None:
        """End a trace before its time.

        Raises:
            WordedError: There is no such trace.
        """
        require(self.engine)
        with self._change:
            with self._database.session() as session:
                row = _found(session, name)
                if row.enable:
                    row.enable = False
                    audit.record(session, "trace.stop", name)
            self._door.call(self.engine.end, name)

    def delete(self, name: str) -> None:
        """End a trace and forget it with its log.

        Raises:
            WordedError: There is no such trace.
        """
        require(self.engine)
        with self._change:
            with self._database.session() as session:
                row = _found(session, name)
                path = self._path(row)
                session.delete(row)
                audit.record(session, "trace.delete", name)
            self._door.call(self.engine.remove, name, path)

    def delete_all(self) -> None:
        """End all traces and forget them with their logs."""
        require(self.engine)
        with self._change:
            with self._database.session() as session:
                rows = list(session.scalars(select(Trace)))
                paths = {row.name: self._path(row) for row in rows}
                for row in rows:
                    session.delete(row)
                if rows:
                    audit.record(session, "trace.delete_all", "", before=sorted(paths))
            for name, path in paths.items():
                self._door.call(self.engine.remove, name, path)

    def detail(self, name: str) -> tuple[int, int]:
        """Return a log's size in bytes and when it was last written to, in Unix seconds.

        Raises:
            ServiceError: There is no such trace.
        """
        path = self._log(name)
        if not path.exists():
            return 0, 0
        found = path.stat()
        return found.st_size, int(found.st_mtime)

    def log_part(self, name: str, params: Mapping[str, object]) -> LogPart:
        """Return some of a log.

        Args:
            name: Of the trace.
            params: `node`, `position` (0) and `bytes` (1000) where wanted.

        Raises:
            ServiceError: There is no such trace or node, or a number is none.
        """
        if params.get("node", self.node_name) != self.node_name:
            raise ServiceError(ResultCode.NOT_FOUND, "node not found", bare=True)
        position = max(0, to_integer(params.get("position", 0)))
        wanted = to_integer(params.get("bytes", 1_000))
        path = self._log(name)
        size = path.stat().st_size if path.exists() else 0
        if position >= size:
            return LogPart("", size, wanted)
        with path.open("rb") as file:
            file.seek(position)
            data = file.read(min(max(0, wanted), MOST_BYTES))
        return LogPart(data.decode(errors="replace"), position + len(data), wanted)

    def zipped(self, name: str) -> bytes:
        """Return a log as a zip file.

        Raises:
            ServiceError: There is no such trace.
        """
        path = self._log(name)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            if path.exists():
                archive.write(path, f"{self.node_name}-{path.name}")
        return packed.getvalue()

    def stored(self) -> Sequence[TraceSpec]:
        """Return the traces that go on, for a module that is loaded."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        going_on = (Trace.enable, Trace.end_at > self._now_s())
        with self._database.reading() as session:
            return [self._spec(row) for row in session.scalars(select(Trace).where(*going_on))]

    def _log(self, name: str) -> Path:
        """Return the file of a trace, with all that was said so far."""
        require(self.engine)
        with self._database.reading() as session:
            row = session.get(Trace, name)
            if row is None:
                raise ServiceError(ResultCode.NOT_FOUND, "not_found", bare=True)
            path = self._path(row)
        self.engine.flush()
        return path

    def _path(self, row: Trace) -> Path:
        day = datetime.fromtimestamp(row.start_at).astimezone().strftime("%Y-%m-%d")
        return self._folder / f"trace_{row.name}_{day}.log"

    def _spec(self, row: Trace) -> TraceSpec:
        path = self._path(row)
        return TraceSpec(
            row.name, row.type, row.filter, row.start_at, row.end_at, path, _size(path)
        )

    def _record(self, row: Trace) -> TraceRecord:
        now_s = self._now_s()
        status = "running"
        if not row.enable or now_s >= row.end_at:
            status = "stopped"
        elif now_s < row.start_at:
            status = "waiting"
        return TraceRecord(
            name=row.name,
            type=row.type,
            filter=row.filter,
            start_s=row.start_at,
            end_s=row.end_at,
            log_size=_size(self._path(row)),
            status=status,
        )

    def _now_s(self) -> int:
        return self._clock.wall_ms() // 1000


def _refuse_doubles(session: Session, asked: TraceRequest) -> None:
    """Refuse a trace whose name is taken, that another one is already, or that is one too many."""
    if (session.scalar(select(func.count()).select_from(Trace)) or 0) >= MOST_TRACES:
        raise _incorrect(TOO_MANY)
    if session.get(Trace, asked.name) is not None:
        raise WordedError(ResultCode.USER_EXISTS, "ALREADY_EXISTED", f"{asked.name}Already Exists")
    same = select(Trace).where(Trace.type == asked.type, Trace.start_at == asked.start_s)
    for other in session.scalars(same):
        # Compared here: databases differ in what they take for the same text.
        if other.filter == asked.filter:
            raise WordedError(
                ResultCode.USER_EXISTS, "DUPLICATE_CONDITION", f"{other.name}Duplication Condition"
            )


def _found(session: Session, name: str) -> Trace:
    row = session.get(Trace, name)
    if row is None:
        raise WordedError(ResultCode.NOT_FOUND, "NOT_FOUND", f"{name} NOT FOUND")
    return row


def _incorrect(text: str) -> WordedError:
    return WordedError(ResultCode.BAD_PARAMETER, "INCORRECT_PARAMS", text)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
