"""The audit log: who changed what, when, from where, and what it was before.

Who acts is a context variable (`app.actor`), set once where a request or a command comes in; services never pass it
around. A service that changes the database records the change in the very transaction that makes it, so neither is
there without the other:

    with self._database.session() as session:
        row.status = False
        audit.record(session, "app.update", app_id, before={"status": True}, after={"status": False})

A change that is in no table (a client is kicked, a plugin is started) is noted before it is made, in a transaction of
its own, so that what cannot be noted is not done:

    self._audit.note("listener.restart", "mqtt:tcp:0.0.0.0:1883")
    self._nodes.local.restart_listener(...)

Commands say who they are with `with audit.acting(Actor("cli", login_name())):`; what nobody claims was done by the
system itself. `action` is `thing.verb`; `before` and `after` are JSON, None where there was or is nothing.
Members whose names sound like a secret are masked here, whoever forgets to leave them out. Knows nothing of HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from app.actor import Actor, ActorKind, acting, current_act, current_actor
from app.clock import Clock, SystemClock
from app.config import ManagementSettings
from app.models import AuditEntry, Database
from app.models.audit_entry import ACTOR_MAX_LENGTH, TARGET_MAX_LENGTH
from app.services.masking import MASK, is_secret, masked_text
from app.services.text_search import contains

__all__ = [
    "Actor",
    "AuditQuery",
    "AuditRecord",
    "AuditService",
    "acting",
    "current_actor",
    "record",
    "without_secrets",
]

SWEEP_BATCH_ROWS = 500
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry as it may leave this room."""

    id: int
    at_ms: int
    actor: Actor
    action: str
    target: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries are wanted; None is all."""

    actor_kind: str | None = None
    actor: str | None = None
    address: str | None = None
    request_id: str | None = None
    action: str | None = None
    target: str | None = None
    gte_at_ms: int | None = None
    lte_at_ms: int | None = None
    like_actor: str | None = None
    like_action: str | None = None
    like_target: str | None = None


def record(
    session: Session,
    action: str,
    target: str,
    *,
    before: object = None,
    after: object = None,
) -> None:
    """Write a change into the audit log, as part of the transaction that makes it.

    Args:
        session: The transaction.
        action: The thing and what happened to it: `app.update`.
        target: Which one; cut where it is too long.
        before: What it was, in JSON's types; None where there was nothing.
        after: What it is now; None where it is gone.
    """
    actor = current_actor()
    session.add(
        AuditEntry(
            at=SystemClock.wall_ms(),
            actor_kind=actor.kind,
            actor=_storable(actor.name, ACTOR_MAX_LENGTH),
            address=_storable(actor.address, 64),
            request_id=_storable(actor.request_id, 64),
            action=action,
            target=_storable(target, TARGET_MAX_LENGTH),
            before=without_secrets(before),
            after=without_secrets(after),
        )
    )
    act = current_act()
    if act is not None:
        act.recorded += 1


def without_secrets(value: object) -> object:
    """Return a value in JSON's types with every member masked whose name sounds like a secret."""
    if isinstance(value, Mapping):
        return {
            _storable(str(name)): MASK
            if item is not None and is_secret(str(name))
            else without_secrets(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    if isinstance(value, str):
        return _storable(masked_text(value))
    return value if value is None or isinstance(value, bool | int | float) else str(value)


class AuditService:
    """Writes down what no other transaction does, lists what was written, and forgets what is old."""

    def __init__(self, database: Database, clock: Clock, limits: ManagementSettings) -> None:
        """Take what it works with.

        Args:
            database: Where the log is.
            clock: Wall time, for what is old.
            limits: Of these, how long an entry is kept; looked at each time, since it may change.
        """
        self._database = database
        self._clock = clock
        self._limits = limits

    def note(
        self, action: str, target: str, *, before: object = None, after: object = None
    ) -> None:
        """Write down a change that is in no table; do this before the change itself."""
        with self._database.session() as session:
            record(session, action, target, before=before, after=after)

    def list(self, query: AuditQuery, page: int, limit: int) -> tuple[list[AuditRecord], int]:
        """Return one page of entries, the newest first, and how many there are.

        Args:
            query: Which entries.
            page: From 1; anything below means 1.
            limit: Rows of a page; none where it is below 1.
        """
        with self._database.reading() as session:
            conditions = _conditions(session, query)
            counted = select(func.count()).select_from(AuditEntry).where(*conditions)
            total = session.scalar(counted) or 0
            offset = (max(page, 1) - 1) * max(limit, 0)
            if limit < 1 or offset >= total:
                return [], total
            rows = session.scalars(
                select(AuditEntry)
                .where(*conditions)
                .order_by(AuditEntry.id.desc())
                .offset(offset)
                .limit(min(limit, total))
            )
            return [_entry(row) for row in rows], total

    def sweep_expired(self) -> int:
        """Forget the entries that are older than they need be; return how many they were."""
        oldest_ms = self._clock.wall_ms() - round(self._limits.audit_retention_s * 1000)
        swept = 0
        while True:
            with self._database.session() as session:
                ended = session.scalars(
                    select(AuditEntry.id)
                    .where(AuditEntry.at < oldest_ms)
                    .order_by(AuditEntry.at)
                    .limit(SWEEP_BATCH_ROWS)
                    .with_for_update(skip_locked=True)
                ).all()
                session.execute(delete(AuditEntry).where(AuditEntry.id.in_(ended)))
            swept += len(ended)
            if len(ended) < SWEEP_BATCH_ROWS:
                return swept


def _conditions(session: Session, query: AuditQuery) -> list[ColumnElement[bool]]:
    exact = {
        AuditEntry.actor_kind: query.actor_kind,
        AuditEntry.actor: query.actor,
        AuditEntry.address: query.address,
        AuditEntry.request_id: query.request_id,
        AuditEntry.action: query.action,
        AuditEntry.target: query.target,
    }
    found = [column == _storable(wanted) for column, wanted in exact.items() if wanted is not None]
    parts = {
        AuditEntry.actor: query.like_actor,
        AuditEntry.action: query.like_action,
        AuditEntry.target: query.like_target,
    }
    found += [
        contains(session, column, _storable(part))
        for column, part in parts.items()
        if part is not None
    ]
    if query.gte_at_ms is not None:
        found.append(AuditEntry.at >= query.gte_at_ms)
    if query.lte_at_ms is not None:
        found.append(AuditEntry.at <= query.lte_at_ms)
    return found


def _entry(row: AuditEntry) -> AuditRecord:
    # The table keeps the four kinds as plain text.
    kind: ActorKind = row.actor_kind  # type: ignore[assignment]
    actor = Actor(kind, row.actor, row.address, row.request_id)
    return AuditRecord(row.id, row.at, actor, row.action, row.target, row.before, row.after)


def _storable(text: str, most: int | None = None) -> str:
    """Return a text that every database takes; what none takes is written as an escape."""
    return _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)[:most]
