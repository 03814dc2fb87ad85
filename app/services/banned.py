"""Bans: the database is the truth, the node's loop has a copy. Commit, then apply."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError

from app.actor import SYSTEM, acting
from app.broker.records import BanRecord
from app.clock import Clock
from app.errors import ServiceError
from app.models import Banned, Database
from app.node.proxy import Nodes
from app.schemas.banned import WHO_MAX_LENGTH, BanCreate, check_ban_kind, normalised_network
from app.schemas.fields import is_storable
from app.services import audit

_log = logging.getLogger(__name__)

DEFAULT_DURATION_S = 300
SWEEP_BATCH_ROWS = 500
_STORE_ATTEMPTS = 3


class BannedService:
    """Bans clients, users and addresses, and lifts bans. Request threads share it."""

    def __init__(self, database: Database, nodes: Nodes, clock: Clock) -> None:
        """Take what it works with."""
        self._database = database
        self._nodes = nodes
        self._clock = clock
        # Two changes of one ban must reach the loop in the order in which they were committed, or its copy would
        # differ from the database for good. Nothing else is ever locked while this is held.
        self._commit_then_apply = threading.Lock()

    def list(self, page: int, limit: int) -> tuple[list[BanRecord], int]:
        """Return one page of bans and how many there are, ended ones included until they are swept.

        Args:
            page: From 1; anything below means 1.
            limit: Rows of a page; none where it is below 1.
        """
        self.keep_made()
        with self._database.reading() as session:
            total = session.scalar(select(func.count()).select_from(Banned)) or 0
            offset = (max(page, 1) - 1) * max(limit, 0)
            # Numbers past the end never reach the database, which could not hold the largest.
            if limit < 1 or offset >= total:
                return [], total
            rows = session.scalars(
                select(Banned)
                .order_by(Banned.kind, Banned.who)
                .offset(offset)
                .limit(min(limit, total))
            )
            return [_record(row) for row in rows], total

    def create(self, params: Mapping[str, object]) -> dict[str, object]:
        """Ban somebody, or change a ban; connected clients that it meets are kicked by the node.

        Args:
            params: `who` and `as`, and `by`, `reason`, `desc`, `at`, `until` where wanted.

        Returns:
            The members as they were given, which is what EMQX answers.

        Raises:
            ServiceError: A member is missing or wrong, or the node did not answer in time.
        """
        values = BanCreate().read(params)
        self.keep_made()
        now_s = self._now_s()
        record = BanRecord(
            kind=values["kind"],
            who=values["who"],
            by=values["by"],
            reason=values["reason"],
            at_s=values.get("at", now_s),
            until_s=values.get("until", now_s + DEFAULT_DURATION_S),
            desc=values["desc"],
        )
        with self._commit_then_apply:
            self._store(record)
            if record.until_s is None or record.until_s > now_s:
                self._nodes.local.ban(record)
            else:
                # EMQX stores a ban that is over already. It must kick nobody, but ends the one that it replaces.
                self._nodes.local.unban(record.kind, record.who)
        _log.info("%s banned %s %r until %s", record.by, record.kind, record.who, record.until_s)
        return dict(params)

    def delete(self, kind: str, who: str) -> None:
        """Lift a ban; one that is not there is no error.

        Raises:
            ServiceError: `kind` is none, or the node did not answer in time.
        """
        check_ban_kind(kind)
        who = _as_stored(kind, who)
        if len(who) > WHO_MAX_LENGTH or not is_storable(who):
            # It was never banned, and a server may refuse its very characters.
            return
        self.keep_made()
        with self._commit_then_apply:
            with self._database.session() as session:
                row = session.get(Banned, (kind, who))
                if row is not None:
                    session.delete(row)
                    audit.record(session, "banned.delete", f"{kind}:{who}", before=_told(row))
            self._nodes.local.unban(kind, who)

    def keep_made(self) -> int:
        """Put the bans that the broker has made itself into the database; return how many they were."""
        made = self._nodes.local.made_bans()
        if not made:
            return 0
        kept = 0
        # Whoever asks for the list has not banned anybody.
        with self._commit_then_apply, acting(SYSTEM):
            while made:
                record = made[0]
                if record.until_s is None or record.until_s > self._now_s():
                    self._store(record)
                    kept += 1
                # Only now: a database that fails finds it here again.
                made.popleft()
        return kept

    def apply_stored(self, keys: Sequence[tuple[str, ...]]) -> None:
        """Make the loop's copy of these bans (kind and who) what the database has, after others changed it.

        Raises:
            ServiceError: The node did not answer in time.
        """
        with self._commit_then_apply:
            for kind, who in keys:
                with self._database.reading() as session:
                    row = session.get(Banned, (kind, who))
                    record = None if row is None else _record(row)
                if record and (record.until_s is None or record.until_s > self._now_s()):
                    self._nodes.local.ban(record)
                else:
                    self._nodes.local.unban(kind, who)

    def load_all(self) -> Sequence[BanRecord]:
        """Return the bans that are in force, for a node that starts."""
        with self._database.reading() as session:
            in_force = or_(Banned.until.is_(None), Banned.until > self._now_s())
            return [_record(row) for row in session.scalars(select(Banned).where(in_force))]

    def sweep_expired(self) -> int:
        """Keep what the broker has banned, and remove the bans that are over, here and on the loop; return how many."""
        self.keep_made()
        swept = 0
        while True:
            with self._commit_then_apply:
                ended = self._delete_ended_batch()
                for kind, who in ended:
                    self._nodes.local.unban(kind, who)
            swept += len(ended)
            if len(ended) < SWEEP_BATCH_ROWS:
                return swept

    def _store(self, record: BanRecord) -> None:
        for attempt in range(1, _STORE_ATTEMPTS + 1):
            try:
                with self._database.session() as session:
                    key = (record.kind, record.who)
                    row = session.get(Banned, key)
                    before = None if row is None else _told(row)
                    after = _told(session.merge(_row(record)))
                    audit.record(
                        session, "banned.create", ":".join(key), before=before, after=after
                    )
            except IntegrityError:
                # Another node inserted the same ban between our look and our insert; the next look finds it.
                if attempt == _STORE_ATTEMPTS:
                    raise
            else:
                return

    def _delete_ended_batch(self) -> Sequence[tuple[str, str]]:
        key = tuple_(Banned.kind, Banned.who)
        with self._database.session() as session:
            rows = session.execute(
                select(Banned.kind, Banned.who)
                .where(Banned.until <= self._now_s())
                .limit(SWEEP_BATCH_ROWS)
                # A row that another node is just sweeping, or prolonging, is not waited for.
                .with_for_update(skip_locked=True)
            )
            ended = [(kind, who) for kind, who in rows]
            session.execute(delete(Banned).where(key.in_(ended)))
            return ended

    def _now_s(self) -> int:
        return self._clock.wall_ms() // 1000


def _as_stored(kind: str, who: str) -> str:
    """Return the form in which `who` would be stored; what is no address was never banned as one."""
    if kind != "peerhost":
        return who
    try:
        return normalised_network(who)
    except ServiceError:
        return who


def _record(row: Banned) -> BanRecord:
    return BanRecord(row.kind, row.who, row.by, row.reason, row.at, row.until, row.desc)


def _row(record: BanRecord) -> Banned:
    return Banned(
        kind=record.kind,
        who=record.who,
        by=record.by,
        reason=record.reason,
        desc=record.desc,
        at=record.at_s,
        until=record.until_s,
    )


def _told(row: Banned) -> dict[str, object]:
    """Return a ban as the audit log shows it; the entry's target says whom it meets."""
    told: dict[str, object] = {"by": row.by, "reason": row.reason, "at": row.at, "until": row.until}
    return told if row.desc is None else {**told, "desc": row.desc}
