"""Importing an export of EMQX 4: one transaction, in which everything happens or nothing does.

The file is read whole and checked before the database is asked; what differs is worked out in the transaction that
writes it, so the report of an import is what it did, and that of a dry run what it would do. Whoever keeps a copy of a
table (the loop its bans, an application cache, a plugin its credentials) is told after the commit.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Base, Database, User
from app.secret_box import SecretBox, SecretBoxError
from app.services import audit
from app.services.data_conversions import converted
from app.services.data_items import ROLES, ImportRefused, Reading, wanted_rows
from app.services.data_sections import SECTIONS, USERS, Section, Wanted

_log = logging.getLogger(__name__)

LOGIN_TYPE = "auth.mnesia.as"
CHANGES_SHOWN = 1_000
"""Rows that a report names; it counts them all."""
_LOOKUP_ROWS = 200
_ATTEMPTS = 3
_PLAIN_VERSIONS = frozenset({"4.0", "4.1", "4.2", "4.3", "4.4"})
_AUTH_VERSIONS = frozenset({"4.1", "4.3", "4.4", "4.5"})
"""Short versions whose built-in credentials are right: the others wrote them so that nobody could log in."""
_AUTH_SECTIONS = ("auth_clientid", "auth_username", "auth_mnesia")
_VERSION = re.compile(r"(\d+\.\d+)(?:\.(\d+))?")
_FIRST_RIGHT_PATCH = {"4.0": 13, "4.2": 11}

Key = tuple[str, ...]
Listener = Callable[[Sequence[Key]], object]
"""Is told the keys of rows; the columns are those of `Section.key`."""


class UnsupportedVersion(ServiceError):
    """A file of a release whose files are not understood."""

    def __init__(self, version: str) -> None:
        """Say the version as EMQX prints it, in quotes, and keep a sentence for people."""
        super().__init__(ResultCode.BAD_PARAMETER, f'"{version}"')
        self.reason = (
            f"Files of version {version} cannot be imported: 4.0 to 4.4 can, and with MQTT logins in "
            "them those of 4.0.13, 4.1, 4.2.11, 4.3 and later."
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is new or becomes different."""

    name: str
    kind: str
    """added, changed or conflict: the file says two things about one row, and the last one counts."""
    members: Mapping[str, object] = field(default_factory=dict)
    """What changes: `{before, after}` by column, or only the columns' names where they hold secrets."""


@dataclass(slots=True)
class SectionDifference:
    """How one table differs from what a file wants."""

    added: int = 0
    changed: int = 0
    same: int = 0
    conflicts: int = 0
    rows: list[Change] = field(default_factory=list)

    def note(self, change: Change) -> None:
        """Keep a change, unless enough of them are kept already."""
        if len(self.rows) < CHANGES_SHOWN:
            self.rows.append(change)


Difference = dict[str, SectionDifference]


def as_json(difference: Difference) -> dict[str, object]:
    """Return a difference in JSON's types; it holds no secret."""
    return {
        name: {
            "added": one.added,
            "changed": one.changed,
            "same": one.same,
            "conflicts": one.conflicts,
            "rows": [
                {"name": row.name, "change": row.kind, "members": row.members} for row in one.rows
            ],
        }
        for name, one in difference.items()
    }


class ImportService:
    """Imports documents. Request threads share it."""

    def __init__(self, database: Database, box: SecretBox, clock: Clock) -> None:
        """Take what it works with."""
        self._database = database
        self._box = box
        self._clock = clock
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)

    def when_changed(self, section: Section, listener: Listener) -> None:
        """Have somebody told which rows of a table an import added or changed, after its commit."""
        self._listeners[section.name].append(listener)

    def run(
        self,
        document: Mapping[str, object],
        *,
        source: str,
        env: Mapping[str, object] | None = None,
        dry_run: bool = False,
    ) -> Difference:
        """Import a document, all of it or nothing.

        Args:
            document: What `DataFilesService.read` returned.
            source: What the audit log calls it.
            env: `auth.mnesia.as`, for old files that lack it.
            dry_run: Whether to tell the difference only.

        Returns:
            The sections that the file has something for, and what became of their rows.

        Raises:
            UnsupportedVersion: The file is of another release.
            ImportRefused: Something in it cannot be imported; nothing was changed.
        """
        check_version(document)
        reading = Reading(self._clock.wall_ms(), _login_type({**document, **(env or {})}))
        wanted, difference = _without_doubles(wanted_rows(converted(document), reading))
        if dry_run:
            with self._database.reading() as session:
                self._compare(session, wanted, difference)
            return difference
        touched = self._write(wanted, difference, source)
        self._tell(touched)
        return difference

    def _write(
        self, wanted: Sequence[Wanted], difference: Difference, source: str
    ) -> dict[str, list[Key]]:
        conflicts = {name: (one.conflicts, list(one.rows)) for name, one in difference.items()}
        for attempt in range(1, _ATTEMPTS + 1):
            for name, (count, rows) in conflicts.items():
                difference[name] = SectionDifference(conflicts=count, rows=list(rows))
            try:
                with self._database.session() as session:
                    touched = self._compare(session, wanted, difference, write=True)
                    if USERS.name in touched:
                        _check_administrators(session)
                    audit.record(session, "data.import", source, after=as_json(difference))
            except IntegrityError:
                # Somebody else made one of the rows between our look and our write; the next look finds it.
                if attempt == _ATTEMPTS:
                    raise
            else:
                return touched
        raise AssertionError("the last attempt returns or raises")

    def _compare(
        self,
        session: Session,
        wanted: Sequence[Wanted],
        difference: Difference,
        *,
        write: bool = False,
    ) -> dict[str, list[Key]]:
        touched: dict[str, list[Key]] = {}
        for section in SECTIONS:
            mine = [row for row in wanted if row.section is section]
            for start in range(0, len(mine), _LOOKUP_ROWS):
                batch = mine[start : start + _LOOKUP_ROWS]
                there = _existing(session, section, [row.key for row in batch])
                for row in batch:
                    found = there.get(row.key)
                    if self._settle(session, row, found, difference[section.name], write=write):
                        touched.setdefault(section.name, []).append(row.key)
                session.flush()
        return touched

    def _settle(
        self,
        session: Session,
        row: Wanted,
        found: Any,
        difference: SectionDifference,
        *,
        write: bool,
    ) -> bool:
        """Count one row, and write it where it differs; tell whether it does."""
        if found is None:
            difference.added += 1
            difference.note(Change(row.shown, "added"))
            if write:
                session.add(self._new(row))
            return True
        members = self._changed_members(row, found)
        if not members:
            difference.same += 1
            return False
        difference.changed += 1
        difference.note(Change(row.shown, "changed", members))
        if write:
            for name, value in row.values.items():
                setattr(found, name, value)
            for name in members.keys() & row.sealed.keys():
                setattr(found, name, self._box.seal(row.sealed[name]))
        return True

    def _new(self, row: Wanted) -> Base:
        sealed = {name: self._box.seal(text) for name, text in row.sealed.items()}
        key = dict(zip(row.section.key, row.key, strict=True))
        return row.section.model(**{**key, **row.initial, **row.values, **sealed})

    def _changed_members(self, row: Wanted, found: object) -> dict[str, object]:
        members: dict[str, object] = {}
        for name, after in row.values.items():
            before = getattr(found, name)
            if before != after:
                hidden = name in row.section.hidden
                members[name] = "changed" if hidden else {"before": before, "after": after}
        for name, text in row.sealed.items():
            if not self._holds(getattr(found, name), text):
                members[name] = "changed"
        return members

    def _holds(self, sealed: str, text: str) -> bool:
        try:
            before = self._box.open(sealed)
        except SecretBoxError:
            # What nobody can read any more is best replaced.
            return False
        return before == text or _canonical(before) == _canonical(text)

    def _tell(self, touched: Mapping[str, Sequence[Key]]) -> None:
        for name, keys in touched.items():
            for listener in self._listeners[name]:
                try:
                    listener(keys)
                except ServiceError as error:
                    # The import is done and stays; the copy is made anew at the next start at the latest.
                    _log.error("After an import the copy of %s is old: %s", name, error)


def check_version(document: Mapping[str, object]) -> None:
    """Refuse what EMQX refuses: other generations, and credentials of releases that wrote them wrong.

    Raises:
        UnsupportedVersion: The file is of another release.
        ImportRefused: It does not say of which one.
    """
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, str | int | float):
        raise ImportRefused("the file does not say of which version it is")
    text = str(version)
    found = _VERSION.fullmatch(text)
    release, patch = found.groups() if found else (text, None)
    has_auth = any(document.get(section) for section in _AUTH_SECTIONS)
    if release in (_AUTH_VERSIONS if has_auth else _PLAIN_VERSIONS):
        return
    first_right = _FIRST_RIGHT_PATCH.get(release)
    if first_right is None or patch is None or int(patch[:6]) < first_right:
        raise UnsupportedVersion(text)


def _login_type(document: Mapping[str, object]) -> str | None:
    value = document.get(LOGIN_TYPE)
    if value is None or value in ("clientid", "username"):
        return value
    raise ImportRefused(f'"{LOGIN_TYPE}" must be "clientid" or "username"')


def _without_doubles(rows: Iterator[Wanted]) -> tuple[list[Wanted], Difference]:
    """Return the rows, the last of each key, and a difference that knows of what the file says twice."""
    last: dict[tuple[str, Key], Wanted] = {}
    difference: Difference = {}
    for row in rows:
        one = difference.setdefault(row.section.name, SectionDifference())
        before = last.get((row.section.name, row.key))
        if before is not None and (before.values, before.sealed) != (row.values, row.sealed):
            one.conflicts += 1
            one.note(Change(row.shown, "conflict"))
        last[row.section.name, row.key] = row
    return list(last.values()), difference


def _check_administrators(session: Session) -> None:
    """Refuse a file that would leave the dashboard without anybody who may change its users."""
    session.flush()
    if session.scalar(select(User.username).where(User.role == ROLES[0]).limit(1)) is None:
        raise ImportRefused("no administrator would be left among the users")


def _existing(session: Session, section: Section, keys: Sequence[Key]) -> dict[Key, Any]:
    columns = [getattr(section.model, name) for name in section.key]
    rows = session.scalars(select(section.model).where(tuple_(*columns).in_(keys)))
    return {tuple(getattr(row, name) for name in section.key): row for row in rows}


def _canonical(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
