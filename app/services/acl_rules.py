"""Access rules that the node itself keeps: the database is the truth, the loop has a copy. Commit, then apply."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.models import AclRule, Database
from app.plugins.auth_mnesia import AclEntry, MnesiaTables
from app.schemas.acl_rule import ACTIONS, AclWanted, read_acl
from app.schemas.fields import is_storable
from app.services import audit
from app.services.text_search import contains

Loop = Callable[..., Any]
"""Calls a function with arguments on the broker's loop."""
Login = tuple[str, str]
_NEWEST_FIRST = (AclRule.created_at.desc(), AclRule.id.desc())


@dataclass(frozen=True, slots=True)
class AclRecord:
    """One rule as it may leave this room."""

    kind: str
    login: str
    topic: str
    action: str
    access: str


@dataclass(frozen=True, slots=True)
class AclQuery:
    """Filters on rules; None means not asked."""

    login: str | None = None
    like_login: str | None = None
    topic: str | None = None
    action: str | None = None
    access: str | None = None


class AclRulesService:
    """Adds, lists and removes rules. Request threads share it."""

    def __init__(self, database: Database, loop: Loop, tables: MnesiaTables, clock: Clock) -> None:
        """Take what it works with.

        Args:
            database: Where rules are.
            loop: The way to the loop's copy.
            tables: The copy.
            clock: Tells when a rule was made, which decides which one is asked first.
        """
        self._database = database
        self._loop = loop
        self._tables = tables
        self._clock = clock
        self._commit_then_apply = threading.Lock()
        self._copy_is_filled = False

    def fill(self) -> None:
        """Fill the loop's copy once; from then on every change reaches it."""
        with self._commit_then_apply:
            if not self._copy_is_filled:
                self._loop(self._tables.replace_rules, self._read_all())
                self._copy_is_filled = True

    def list(
        self, kind: str | None, page: int, limit: int, query: AclQuery
    ) -> tuple[Sequence[AclRecord], int]:
        """Return one page of rules, the newest first, and how many fit.

        Args:
            kind: `clientid`, `username` or `all`, which is everybody; None means each of them.
            page: From 1; anything below means 1.
            limit: Rows of a page; none where it is below 1.
            query: What they must be.
        """
        offset = (max(page, 1) - 1) * max(limit, 0)
        with self._database.reading() as session:
            wanted = _conditions(session, kind, query)
            total = session.scalar(select(func.count()).select_from(AclRule).where(*wanted)) or 0
            if limit < 1 or offset >= total:
                return [], total
            found = session.scalars(
                select(AclRule)
                .where(*wanted)
                .order_by(*_NEWEST_FIRST)
                .offset(offset)
                .limit(min(limit, total))
            )
            return [_record(row) for row in found], total

    def of(self, kind: str, login: str) -> Sequence[AclRecord]:
        """Return the rules of one login, the newest first."""
        if not is_storable(login):
            return []
        with self._database.reading() as session:
            return [_record(row) for row in session.scalars(_of_login((kind, login)))]

    def add(self, params: Mapping[str, object]) -> AclWanted:
        """Add a rule, or change the one for the same login, topic and action.

        Args:
            params: `clientid` or `username` or neither, `topic`, `action` and `access`.

        Raises:
            ServiceError: A member is wrong; its bare text names it.
        """
        wanted = read_acl(params)
        self.add_all([wanted])
        return wanted

    def add_all(self, wanted: Sequence[AclWanted]) -> None:
        """Add several rules in one transaction, the later ones being newer."""
        with self._commit_then_apply:
            with self._database.session() as session:
                for one in wanted:
                    target = f"{one.kind}:{one.login}"
                    before = _ruled(session, one.kind, one.login, one.topic)
                    self._store(session, one)
                    after = _ruled(session, one.kind, one.login, one.topic)
                    audit.record(session, "acl_rule.set", target, before=before, after=after)
            self._apply({(one.kind, one.login) for one in wanted})

    def delete(self, kind: str, login: str, topic: str) -> None:
        """Remove what is ruled about a topic; nothing to remove is no error."""
        if not (is_storable(login) and is_storable(topic)):
            return
        with self._commit_then_apply:
            with self._database.session() as session:
                before = _ruled(session, kind, login, topic)
                session.execute(delete(AclRule).where(*_about(kind, login, topic)))
                if before:
                    audit.record(session, "acl_rule.delete", f"{kind}:{login}", before=before)
            self._apply({(kind, login)})

    def apply_stored(self, keys: Iterable[tuple[str, ...]]) -> None:
        """Make the loop's copy what the database has, after others changed rules.

        Args:
            keys: Which ones; many at once, as a rule, so that all are read in one go.

        Raises:
            ServiceError: The node did not answer in time.
        """
        del keys
        with self._commit_then_apply:
            if self._copy_is_filled:
                self._loop(self._tables.replace_rules, self._read_all())

    def _store(self, session: Session, wanted: AclWanted) -> None:
        digest = _sha256(wanted.topic)
        for action in ACTIONS[wanted.action]:
            session.execute(
                delete(AclRule).where(
                    AclRule.kind == wanted.kind,
                    AclRule.login == wanted.login,
                    AclRule.action == action,
                    AclRule.topic_sha256 == digest,
                )
            )
            session.add(
                AclRule(
                    kind=wanted.kind,
                    login=wanted.login,
                    topic=wanted.topic,
                    topic_sha256=digest,
                    action=action,
                    access=wanted.access,
                    created_at=self._clock.wall_ms(),
                )
            )
            session.flush()

    def _read_all(self) -> dict[Login, tuple[AclEntry, ...]]:
        entries: dict[Login, list[AclEntry]] = {}
        with self._database.reading() as session:
            rows = session.execute(
                select(
                    AclRule.kind, AclRule.login, AclRule.topic, AclRule.action, AclRule.access
                ).order_by(*_NEWEST_FIRST)
            )
            for kind, login, topic, action, access in rows:
                entries.setdefault((kind, login), []).append(
                    AclEntry(topic, action, access == "allow")
                )
        return {login: tuple(found) for login, found in entries.items()}

    def _apply(self, logins: Iterable[Login]) -> None:
        if not self._copy_is_filled:
            return
        with self._database.reading() as session:
            rules = {
                login: [_entry(row) for row in session.scalars(_of_login(login))]
                for login in logins
            }
        self._loop(self._tables.put_rules, rules)


def _about(kind: str, login: str, topic: str) -> tuple[ColumnElement[bool], ...]:
    digest = _sha256(topic)
    return AclRule.kind == kind, AclRule.login == login, AclRule.topic_sha256 == digest


def _ruled(session: Session, kind: str, login: str, topic: str) -> list[dict[str, str]] | None:
    """Return what is ruled about a topic, for the audit log; None where nothing is."""
    found = session.scalars(select(AclRule).where(*_about(kind, login, topic)).order_by(AclRule.id))
    rules = [{"topic": row.topic, "action": row.action, "access": row.access} for row in found]
    return rules or None


def _of_login(login: Login) -> Select[AclRule]:
    kind, name = login
    return (
        select(AclRule).where(AclRule.kind == kind, AclRule.login == name).order_by(*_NEWEST_FIRST)
    )


def _conditions(session: Session, kind: str | None, query: AclQuery) -> list[ColumnElement[bool]]:
    conditions = [] if kind is None else [AclRule.kind == kind]
    if query.login is not None:
        conditions.append(AclRule.login == query.login)
    elif query.like_login is not None:
        conditions.append(contains(session, AclRule.login, query.like_login))
    if query.topic is not None:
        conditions.append(AclRule.topic_sha256 == _sha256(query.topic))
    if query.action is not None:
        conditions.append(AclRule.action == query.action)
    if query.access is not None:
        conditions.append(AclRule.access == query.access)
    return conditions


def _sha256(topic: str) -> str:
    return hashlib.sha256(topic.encode()).hexdigest()


def _entry(row: AclRule) -> AclEntry:
    return AclEntry(row.topic, row.action, row.access == "allow")


def _record(row: AclRule) -> AclRecord:
    return AclRecord(row.kind, row.login, row.topic, row.action, row.access)
