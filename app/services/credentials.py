"""Credentials of MQTT clients that the node itself keeps: the database is the truth, the loop has a copy.

A change is committed, then applied, under one lock, so that the copy cannot end up as something that never was stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, MqttCredential
from app.plugins.auth_mnesia import Credential, MnesiaTables
from app.plugins.auth_mnesia.passwords import stored_form
from app.schemas.fields import is_storable
from app.schemas.mqtt_credential import (
    LOGIN_MAX_LENGTH,
    read_login,
    read_password,
    read_superuser,
)
from app.services import audit
from app.services.text_search import contains

SLICE = 1_000
"""Rows that the loop's copy takes in one go."""
Loop = Callable[..., Any]
"""Calls a function with arguments on the broker's loop."""


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """One login as it may leave this room."""

    kind: str
    login: str
    is_superuser: bool
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class CredentialPage:
    """Some logins of a list."""

    records: Sequence[CredentialRecord]
    total: int
    """-1 where a filter was given, as EMQX has it."""
    hasnext: bool


class CredentialsService:
    """Creates, changes and removes logins of one kind or the other. Request threads share it."""

    def __init__(self, database: Database, loop: Loop, tables: MnesiaTables, clock: Clock) -> None:
        """Take what it works with.

        Args:
            database: Where credentials are.
            loop: The way to the loop's copy.
            tables: The copy.
            clock: Tells when a login was created.
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
                self._loop(self._tables.replace_credentials, self._read_all())
                self._copy_is_filled = True

    def sow(self, seeds: Mapping[tuple[str, str], bytes], algorithm: str) -> None:
        """Create the logins that there are not yet; one that exists keeps its password.

        Args:
            seeds: Passwords by kind and login.
            algorithm: How they are hashed.
        """
        now_ms = self._clock.wall_ms()
        with self._commit_then_apply:
            new = []
            with self._database.session() as session:
                for (kind, login), password in seeds.items():
                    if not _may_exist(login) or _existing(session, kind, [login]):
                        continue
                    row = MqttCredential(
                        kind=kind,
                        login=login,
                        password_hash=stored_form(password, algorithm),
                        is_superuser=False,
                        created_at=now_ms,
                    )
                    session.add(row)
                    new.append(row)
                    audit.record(session, "mqtt_credential.create", f"{kind}:{login}")
            self._apply(new)

    def list(
        self, kind: str, page: int, limit: int, exact: str | None = None, like: str | None = None
    ) -> CredentialPage:
        """Return one page of logins, the newest first.

        Args:
            kind: `clientid` or `username`.
            page: From 1; anything below means 1.
            limit: Rows of a page.
            exact: The login that is wanted, if any.
            like: What is to be in it, if anything.
        """
        offset = (max(page, 1) - 1) * max(limit, 0)
        with self._database.reading() as session:
            wanted = _conditions(session, kind, exact, like)
            rows = session.scalars(
                select(MqttCredential)
                .where(*wanted)
                .order_by(MqttCredential.created_at.desc(), MqttCredential.login)
                .offset(offset)
                .limit(limit + 1)
            ).all()
            total = -1
            if len(wanted) == 1:
                count = select(func.count()).select_from(MqttCredential).where(*wanted)
                total = session.scalar(count) or 0
        return CredentialPage([_record(row) for row in rows[:limit]], total, len(rows) > limit)

    def get(self, kind: str, login: str) -> CredentialRecord | None:
        """Return one login, or None where there is none."""
        if not _may_exist(login):
            return None
        with self._database.reading() as session:
            row = session.get(MqttCredential, (kind, login))
            return None if row is None else _record(row)

    def create(self, kind: str, params: Mapping[str, object]) -> None:
        """Create a login.

        Args:
            kind: `clientid` or `username`, which is also the member that names the login.
            params: That member, `password`, and `is_superuser` where wanted.

        Raises:
            ServiceError: A member is wrong, or the login exists (EMQX's bare words `login`, `password`, `existed`).
        """
        login = read_login(params, kind)
        row = self._new_row(kind, login, params)
        with self._commit_then_apply:
            try:
                with self._database.session() as session:
                    session.add(row)
                    audit.record(session, "mqtt_credential.create", f"{kind}:{login}")
            except IntegrityError:
                raise ServiceError(ResultCode.USER_EXISTS, "existed", bare=True) from None
            self._apply([row])

    def create_many(self, kind: str, items: Iterable[object]) -> dict[str, str]:
        """Create several logins in one transaction; each item succeeds or fails for itself.

        Returns:
            By login, `ok` or what was wrong with it, in EMQX's words.
        """
        rows: dict[str, MqttCredential] = {}
        outcome: dict[str, str] = {}
        for item in items:
            params = item if isinstance(item, Mapping) else {}
            try:
                login = read_login(params, kind)
                row = self._new_row(kind, login, params)
            except ServiceError as error:
                outcome[str(params.get(kind, "undefined"))] = f"{{error,{error.message}}}"
                continue
            outcome[login] = "{error,existed}" if login in rows else "ok"
            rows.setdefault(login, row)
        with self._commit_then_apply:
            with self._database.session() as session:
                for login in _existing(session, kind, rows):
                    outcome[login] = "{error,existed}"
                    del rows[login]
                if rows:
                    session.execute(
                        insert(MqttCredential), [_columns(row) for row in rows.values()]
                    )
                audit.record(session, "mqtt_credential.create", f"{kind}:{len(rows)} logins")
            self._apply(list(rows.values()))
        return outcome

    def update(self, kind: str, login: str, params: Mapping[str, object]) -> None:
        """Change a login's password, and `is_superuser` where it is named.

        Raises:
            ServiceError: The password is wrong (`password`), or there is no such login (`noexisted`).
        """
        password = read_password(params)
        with self._commit_then_apply:
            with self._database.session() as session:
                row = session.get(MqttCredential, (kind, login)) if _may_exist(login) else None
                if row is None:
                    raise ServiceError(ResultCode.USER_NOT_FOUND, "noexisted", bare=True)
                row.password_hash = stored_form(password, self._tables.algorithm)
                if "is_superuser" in params:
                    row.is_superuser = read_superuser(params)
                audit.record(session, "mqtt_credential.update", f"{kind}:{login}")
            self._apply([row])

    def delete(self, kind: str, login: str) -> None:
        """Remove a login; one that is not there is no error."""
        if not _may_exist(login):
            return
        with self._commit_then_apply:
            with self._database.session() as session:
                row = session.get(MqttCredential, (kind, login))
                if row is not None:
                    session.delete(row)
                    audit.record(session, "mqtt_credential.delete", f"{kind}:{login}")
            if self._copy_is_filled:
                self._loop(self._tables.remove_credential, (kind, login))

    def apply_stored(self, keys: Iterable[tuple[str, ...]]) -> None:
        """Make the loop's copy what the database has, after others changed logins.

        Args:
            keys: Which ones; many at once, as a rule, so that all are read in one go.

        Raises:
            ServiceError: The node did not answer in time.
        """
        del keys
        with self._commit_then_apply:
            if self._copy_is_filled:
                self._loop(self._tables.replace_credentials, self._read_all())

    def _new_row(self, kind: str, login: str, params: Mapping[str, object]) -> MqttCredential:
        return MqttCredential(
            kind=kind,
            login=login,
            password_hash=stored_form(read_password(params), self._tables.algorithm),
            is_superuser=read_superuser(params),
            created_at=self._clock.wall_ms(),
        )

    def _read_all(self) -> dict[tuple[str, str], Credential]:
        columns = select(
            MqttCredential.kind,
            MqttCredential.login,
            MqttCredential.password_hash,
            MqttCredential.is_superuser,
        )
        with self._database.reading() as session:
            return {
                (kind, login): Credential(password, is_superuser)
                for kind, login, password, is_superuser in session.execute(columns)
            }

    def _apply(self, rows: Sequence[MqttCredential]) -> None:
        if not self._copy_is_filled:
            return
        for start in range(0, len(rows), SLICE):
            part = rows[start : start + SLICE]
            changed = {
                (row.kind, row.login): Credential(row.password_hash, row.is_superuser)
                for row in part
            }
            self._loop(self._tables.put_credentials, changed)


def _existing(session: Session, kind: str, logins: Iterable[str]) -> list[str]:
    found: list[str] = []
    # A statement takes only so many parameters.
    wanted = list(logins)
    for start in range(0, len(wanted), SLICE):
        found += session.scalars(
            select(MqttCredential.login).where(
                MqttCredential.kind == kind,
                MqttCredential.login.in_(wanted[start : start + SLICE]),
            )
        )
    return found


def _conditions(
    session: Session, kind: str, exact: str | None, like: str | None
) -> list[ColumnElement[bool]]:
    conditions = [MqttCredential.kind == kind]
    if exact is not None:
        conditions.append(MqttCredential.login == exact)
    elif like is not None:
        conditions.append(contains(session, MqttCredential.login, like))
    return conditions


def _may_exist(login: str) -> bool:
    # A name that cannot have been stored is not asked for: a server may refuse its very characters.
    return 0 < len(login) <= LOGIN_MAX_LENGTH and is_storable(login)


def _columns(row: MqttCredential) -> dict[str, object]:
    return {
        "kind": row.kind,
        "login": row.login,
        "password_hash": row.password_hash,
        "is_superuser": row.is_superuser,
        "created_at": row.created_at,
    }


def _record(row: MqttCredential) -> CredentialRecord:
    return CredentialRecord(row.kind, row.login, row.is_superuser, row.created_at)
