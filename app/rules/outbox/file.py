"""The file `outbox.db`: results that wait on disk, and dead letters, those that were given up.

A SQLite database of its own in WAL mode. One thread writes, in groups; request threads read dead letters over
connections of their own. Numbers are given out before anything is written, so nobody waits for one.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app.rules.outbox.writer import Told, Writer

logger = logging.getLogger(__name__)

FILE = "outbox.db"
FORMAT = 1
_SCHEMA = f"""
CREATE TABLE waiting (
    number INTEGER PRIMARY KEY, rule TEXT NOT NULL, action TEXT NOT NULL, made_at INTEGER NOT NULL,
    letter BLOB NOT NULL
);
CREATE INDEX waiting_by_action ON waiting (rule, action, number);
CREATE TABLE dead (
    number INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, action TEXT NOT NULL, made_at INTEGER NOT NULL,
    given_up_at INTEGER NOT NULL, reason TEXT NOT NULL, letter BLOB NOT NULL
);
CREATE INDEX dead_by_rule ON dead (rule, number);
PRAGMA user_version = {FORMAT};
"""
_BUSY_S = 5.0
REASON_MAX_LENGTH = 1_000


class OutboxError(Exception):
    """The file cannot be used; one sentence that says why."""


class Owner(NamedTuple):
    """Whose results they are."""

    rule: str
    action: str


class Waiting(NamedTuple):
    """A result that waits on disk."""

    number: int
    made_at_ms: int
    letter: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A result that was given up."""

    number: int
    owner: Owner
    made_at_ms: int
    given_up_at_ms: int
    reason: str
    letter: bytes


@dataclass(frozen=True, slots=True)
class DeadLetterLimits:
    """How many dead letters are kept; the oldest go first."""

    max_len: int = 10_000
    max_bytes: int = 100 * 1024 * 1024


class Outbox:
    """The file. Writing is asked for, by any thread, and done by the writer's; who asks on the loop is told there."""

    def __init__(self, path: Path) -> None:
        """Name the file; `open` opens it."""
        self.path = path
        self.limits = DeadLetterLimits()
        self.dead_letters_dropped = 0
        """Dead letters that made room for newer ones; the writer counts, anybody may read."""
        self.dead_letters = 0
        self.failures = 0
        """Results that could not be written."""
        self.mark = 0
        """The number of the last result that was given one."""
        self.safe = 0
        """Results up to this number are on disk, or are known not to be; to be read on the loop."""
        self._waiting_for_safety: list[Callable[[], None]] = []
        self.replaying: set[int] = set()
        """Dead letters that are being tried once more; for the loop alone."""
        self._dead_bytes = 0
        self._has_changed = False
        """Dead letters came or went since they were counted."""
        self._writer: Writer | None = None
        self._opening = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Tell whether it can be asked."""
        return self._writer is not None

    def open(self) -> None:
        """Open the file, or make it; doing it twice is no error. Not to be called on the loop.

        Raises:
            OutboxError: It cannot be opened, or is of a newer release.
        """
        with self._opening:
            if self._writer is None:
                try:
                    self._writer = self._opened()
                except (sqlite3.Error, OSError) as error:
                    raise OutboxError(f"{self.path} cannot be opened: {error}") from None
                self._writer.start()

    def close(self) -> None:
        """Write what was asked for, and end."""
        with self._opening:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()

    def _opened(self) -> Writer:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S
        )
        try:
            self.path.chmod(0o600)
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found > FORMAT:
                raise OutboxError(
                    f"{self.path} has format {found}, of a newer release; this one knows {FORMAT}."
                )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if not found:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            (self.mark,) = connection.execute(
                "SELECT coalesce(max(number), 0) FROM waiting"
            ).fetchone()
            self.safe = self.mark
            self._count_dead(connection)
        except BaseException:
            connection.close()
            raise
        return Writer(connection, self._undone)

    def _count_dead(self, connection: sqlite3.Connection) -> None:
        self.dead_letters, self._dead_bytes = connection.execute(
            "SELECT count(*), coalesce(sum(length(letter)), 0) FROM dead"
        ).fetchone()
        self._has_changed = False

    def _undone(self, connection: sqlite3.Connection) -> None:
        """Count dead letters anew, if any of those that came or went may be among what was undone."""
        if self._has_changed:
            self._count_dead(connection)

    def _ask(self, do: Callable[[sqlite3.Connection], Any], told: Told | None = None) -> None:
        if self._writer is not None:
            self._writer.ask(do, told)

    # -- results that wait -------------------------------------------------------------------------

    def put(self, owner: Owner, made_at_ms: int, letter: bytes, told: Told) -> int:
        """Keep a result, and tell when it is on disk: with its number, or with the error where it is not."""
        self.mark += 1
        number = self.mark

        def insert(connection: sqlite3.Connection) -> int:
            connection.execute(
                "INSERT INTO waiting VALUES (?, ?, ?, ?, ?)", (number, *owner, made_at_ms, letter)
            )
            return number

        def known(result: Any) -> None:
            if isinstance(result, sqlite3.Error):
                self.failures += 1
            try:
                told(result)
            finally:
                # Acknowledgements wait for this, whatever becomes of the one who was told.
                self._is_known(number)

        self._ask(insert, known)
        return number

    def when_safe(self, call: Callable[[], None]) -> None:
        """Have something called once, the next time that `safe` grows."""
        self._waiting_for_safety.append(call)

    def _is_known(self, number: int) -> None:
        self.safe = number
        waiting, self._waiting_for_safety = self._waiting_for_safety, []
        for call in waiting:
            try:
                call()
            except Exception:
                logger.exception("What waited for the outbox failed")

    def forget(self, number: int) -> None:
        """Let go of a result that was delivered."""
        self._ask(lambda connection: _forget(connection, number))

    def count(self, owner: Owner, told: Callable[[int], None]) -> None:
        """Tell how many results of an action wait."""
        self._ask(
            lambda connection: connection.execute(
                "SELECT count(*) FROM waiting WHERE rule = ? AND action = ?", owner
            ).fetchone()[0],
            told,
        )

    def page(self, owner: Owner, after: int, limit: int, told: Callable[[Any], None]) -> None:
        """Tell the next results of an action, in their order."""
        self._ask(
            lambda connection: [
                Waiting(*row)
                for row in connection.execute(
                    "SELECT number, made_at, letter FROM waiting"
                    " WHERE rule = ? AND action = ? AND number > ? ORDER BY number LIMIT ?",
                    (*owner, after, limit),
                )
            ],
            told,
        )

    # -- dead letters ------------------------------------------------------------------------------

    def give_up(self, number: int, reason: str, at_ms: int) -> None:
        """Make a result that waits a dead letter."""

        def move(connection: sqlite3.Connection) -> None:
            row = connection.execute(
                "SELECT rule, action, made_at, letter FROM waiting WHERE number = ?", (number,)
            ).fetchone()
            if row is not None:
                _forget(connection, number)
                self._bury(connection, Owner(*row[:2]), row[2], at_ms, reason, row[3])

        self._ask(move)

    def bury(self, owner: Owner, made_at_ms: int, at_ms: int, reason: str, letter: bytes) -> None:
        """Keep a result that waited in memory as a dead letter."""
        self._ask(
            lambda connection: self._bury(connection, owner, made_at_ms, at_ms, reason, letter)
        )

    def bury_others(self, owners: Sequence[Owner], at_ms: int) -> None:
        """Make dead letters of what waits for any action but these: there is nobody to deliver it."""
        known = set(owners)

        def move(connection: sqlite3.Connection) -> None:
            for row in connection.execute("SELECT DISTINCT rule, action FROM waiting").fetchall():
                if Owner(*row) not in known:
                    self._bury_all(connection, Owner(*row), at_ms)

        self._ask(move)

    def bury_all(self, owner: Owner, at_ms: int) -> None:
        """Make dead letters of what waits for an action: it is there no more."""
        self._ask(lambda connection: self._bury_all(connection, owner, at_ms))

    def _bury_all(self, connection: sqlite3.Connection, owner: Owner, at_ms: int) -> None:
        rows = connection.execute(
            "SELECT made_at, letter FROM waiting WHERE rule = ? AND action = ? ORDER BY number",
            owner,
        ).fetchall()
        connection.execute("DELETE FROM waiting WHERE rule = ? AND action = ?", owner)
        for made_at_ms, letter in rows:
            self._bury(connection, owner, made_at_ms, at_ms, "the action is there no more", letter)

    def _bury(
        self,
        connection: sqlite3.Connection,
        owner: Owner,
        made_at_ms: int,
        at_ms: int,
        reason: str,
        letter: bytes,
    ) -> None:
        connection.execute(
            "INSERT INTO dead (rule, action, made_at, given_up_at, reason, letter)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*owner, made_at_ms, at_ms, reason[:REASON_MAX_LENGTH], letter),
        )
        self._has_changed = True
        self.dead_letters += 1
        self._dead_bytes += len(letter)
        limits = self.limits
        while self.dead_letters > limits.max_len or self._dead_bytes > limits.max_bytes:
            number, size = connection.execute(
                "SELECT number, length(letter) FROM dead ORDER BY number LIMIT 1"
            ).fetchone()
            connection.execute("DELETE FROM dead WHERE number = ?", (number,))
            self.dead_letters -= 1
            self._dead_bytes -= size
            self.dead_letters_dropped += 1

    def delete_dead(self, number: int, told: Told | None = None) -> None:
        """Let go of a dead letter; tell whether it was there."""
        self._ask(lambda connection: self._delete(connection, "number = ?", (number,)), told)

    def delete_dead_of(self, rule: str, told: Told | None = None) -> None:
        """Let go of all dead letters of a rule; tell how many there were."""
        self._ask(lambda connection: self._delete(connection, "rule = ?", (rule,)), told)

    def give_up_again(self, number: int, reason: str, at_ms: int) -> None:
        """Say why a dead letter was given up this time."""
        self._ask(
            lambda connection: connection.execute(
                "UPDATE dead SET reason = ?, given_up_at = ? WHERE number = ?",
                (reason[:REASON_MAX_LENGTH], at_ms, number),
            )
        )

    def _delete(self, connection: sqlite3.Connection, which: str, values: tuple[Any, ...]) -> int:
        count, size = connection.execute(
            f"SELECT count(*), coalesce(sum(length(letter)), 0) FROM dead WHERE {which}",  # noqa: S608 - our own words
            values,
        ).fetchone()
        connection.execute(f"DELETE FROM dead WHERE {which}", values)  # noqa: S608 - the same
        self._has_changed = True
        self.dead_letters -= count
        self._dead_bytes -= size
        return int(count)

    # -- reading, on request threads ---------------------------------------------------------------

    def read_dead(self, rule: str | None, offset: int, limit: int) -> Sequence[DeadLetter]:
        """Return dead letters, those that were given up last first.

        Args:
            rule: Of which rule; None is all.
            offset: How many are passed over.
            limit: The most.
        """
        return self._read(
            "WHERE ? IS NULL OR rule = ? ORDER BY number DESC LIMIT ? OFFSET ?",
            (rule, rule, limit, offset),
        )

    def next_dead(self, rule: str, after: int, limit: int) -> Sequence[DeadLetter]:
        """Return dead letters of a rule in their order, those behind a number."""
        return self._read(
            "WHERE rule = ? AND number > ? ORDER BY number LIMIT ?", (rule, after, limit)
        )

    def count_waiting(self) -> int:
        """Return how many results wait on disk."""
        with closing(self._reader()) as reader:
            (count,) = reader.execute("SELECT count(*) FROM waiting").fetchone()
        return int(count)

    def count_dead(self, rule: str) -> int:
        """Return how many dead letters of a rule there are."""
        with closing(self._reader()) as reader:
            (count,) = reader.execute(
                "SELECT count(*) FROM dead WHERE rule = ?", (rule,)
            ).fetchone()
        return int(count)

    def find_dead(self, number: int) -> DeadLetter | None:
        """Return one dead letter, or None where it is not there."""
        return next(iter(self._read("WHERE number = ?", (number,))), None)

    def _read(self, which: str, values: tuple[Any, ...]) -> Sequence[DeadLetter]:
        with closing(self._reader()) as reader:
            rows = reader.execute(
                f"SELECT number, rule, action, made_at, given_up_at, reason, letter FROM dead {which}",  # noqa: S608 - our own words
                values,
            ).fetchall()
        return [DeadLetter(row[0], Owner(row[1], row[2]), *row[3:]) for row in rows]

    def _reader(self) -> sqlite3.Connection:
        reader = sqlite3.connect(self.path, isolation_level=None, timeout=_BUSY_S)
        reader.execute("PRAGMA query_only = ON")
        return reader


def _forget(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("DELETE FROM waiting WHERE number = ?", (number,))
