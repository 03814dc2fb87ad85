"""SCRAM users that the node itself keeps: the database is the truth, the loop has a copy.

A change is committed, then applied, under one lock, so that the copy cannot end up as something that never was stored.
Passwords are only passing through: what is kept of them is worked out here, on the caller's thread.
"""

from __future__ import annotations

import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.broker.scram import SALT_BYTES, ScramCredentials, ScramError, derive, saslprep
from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, SaslCredential
from app.plugins.sasl import SaslTables
from app.schemas.sasl import MECHANISMS, SaslWanted, read_mechanism, read_sasl, read_username
from app.services import audit

Loop = Callable[..., Any]
"""Calls a function with arguments on the broker's loop."""


@dataclass(frozen=True, slots=True)
class SaslRecord:
    """One user as it may leave this room: EMQX shows the keys, too, which are nobody's business."""

    username: str
    salt: str | None
    """None for one that the node chose, which is no text."""
    iteration_count: int
    is_superuser: bool


class SaslService:
    """Creates, changes and removes users. Request threads share it."""

    def __init__(self, database: Database, loop: Loop, tables: SaslTables, clock: Clock) -> None:
        """Take what it works with.

        Args:
            database: Where users are.
            loop: The way to the loop's copy.
            tables: The copy.
            clock: Tells when a user was created.
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
            if self._copy_is_filled:
                return
            with self._database.reading() as session:
                users = {
                    (row.mechanism, row.username): _credentials(row)
                    for row in session.scalars(select(SaslCredential))
                }
            self._loop(self._tables.replace, users)
            self._copy_is_filled = True

    def usernames(self, mechanism: str | None = None) -> dict[str, Sequence[str]]:
        """Return the names of the users by mechanism; of all mechanisms where none is given.

        Raises:
            ServiceError: There is no such mechanism.
        """
        if mechanism is not None:
            read_mechanism({"mechanism": mechanism})
        wanted = MECHANISMS if mechanism is None else (mechanism,)
        found: dict[str, list[str]] = {name: [] for name in wanted}
        columns = (
            select(SaslCredential.mechanism, SaslCredential.username)
            .where(SaslCredential.mechanism.in_(wanted))
            .order_by(SaslCredential.username)
        )
        with self._database.reading() as session:
            for name, username in session.execute(columns):
                found[name].append(username)
        return dict(found)

    def get(self, params: Mapping[str, object]) -> SaslRecord:
        """Return one user, by `mechanism` and `username`.

        Raises:
            ServiceError: A member is wrong, or there is no such user (`not_found`).
        """
        key = _key(params)
        with self._database.reading() as session:
            row = session.get(SaslCredential, key)
            if row is None:
                raise _not_found()
            return SaslRecord(
                row.username, _shown_salt(row.salt), row.iteration_count, row.is_superuser
            )

    def create(self, params: Mapping[str, object]) -> None:
        """Create a user.

        Args:
            params: `mechanism`, `username`, `password`; `salt`, `iteration_count` and `is_superuser` where wanted.

        Raises:
            ServiceError: A member is wrong, or the user exists (`already_existed`).
        """
        wanted = read_sasl(params)
        row = SaslCredential(created_at=self._clock.wall_ms(), is_superuser=False)
        _set(row, wanted)
        with self._commit_then_apply:
            try:
                with self._database.session() as session:
                    session.add(row)
                    audit.record(session, "sasl.create", f"{row.mechanism}:{row.username}")
            except IntegrityError:
                raise ServiceError(ResultCode.USER_EXISTS, "already_existed", bare=True) from None
            self._apply(row)

    def update(self, params: Mapping[str, object]) -> None:
        """Give a user another password; takes what `create` takes.

        Raises:
            ServiceError: A member is wrong, or there is no such user (`not_found`).
        """
        wanted = read_sasl(params)
        fresh = SaslCredential(is_superuser=False)
        # The slow part comes before the transaction.
        _set(fresh, wanted)
        with self._commit_then_apply:
            with self._database.session() as session:
                row = session.get(SaslCredential, (fresh.mechanism, fresh.username))
                if row is None:
                    raise _not_found()
                row.salt, row.iteration_count = fresh.salt, fresh.iteration_count
                row.stored_key, row.server_key = fresh.stored_key, fresh.server_key
                if wanted.is_superuser is not None:
                    row.is_superuser = wanted.is_superuser
                audit.record(session, "sasl.update", f"{row.mechanism}:{row.username}")
            self._apply(row)

    def delete(self, params: Mapping[str, object]) -> None:
        """Remove a user, by `mechanism` and `username`; one that is not there is no error.

        Raises:
            ServiceError: A member is wrong.
        """
        key = _key(params)
        with self._commit_then_apply:
            with self._database.session() as session:
                row = session.get(SaslCredential, key)
                if row is not None:
                    session.delete(row)
                    audit.record(session, "sasl.delete", f"{row.mechanism}:{row.username}")
            if self._copy_is_filled:
                self._loop(self._tables.remove, key)

    def _apply(self, row: SaslCredential) -> None:
        if self._copy_is_filled:
            self._loop(self._tables.put, (row.mechanism, row.username), _credentials(row))


def _key(params: Mapping[str, object]) -> tuple[str, str]:
    return read_mechanism(params), _prepared_name(read_username(params))


def _prepared_name(username: str) -> str:
    try:
        return saslprep(username)
    except ScramError:
        raise ServiceError(ResultCode.BAD_PARAMETER, "invalid_username", bare=True) from None


def _set(row: SaslCredential, wanted: SaslWanted) -> None:
    """Work out what is kept of a password. Slow on purpose."""
    salt = wanted.salt or secrets.token_bytes(SALT_BYTES)
    row.mechanism, row.username = wanted.mechanism, _prepared_name(wanted.username)
    try:
        made = derive(wanted.mechanism, wanted.password, salt, wanted.iteration_count)
    except ScramError:
        raise ServiceError(ResultCode.BAD_PARAMETER, "invalid_password", bare=True) from None
    row.salt, row.iteration_count = b64encode(salt).decode(), made.iterations
    row.stored_key = b64encode(made.stored_key).decode()
    row.server_key = b64encode(made.server_key).decode()
    row.is_superuser = bool(wanted.is_superuser)


def _credentials(row: SaslCredential) -> ScramCredentials:
    return ScramCredentials(
        salt=b64decode(row.salt),
        iterations=row.iteration_count,
        stored_key=b64decode(row.stored_key),
        server_key=b64decode(row.server_key),
        is_superuser=row.is_superuser,
    )


def _shown_salt(stored: str) -> str | None:
    try:
        return b64decode(stored).decode()
    except UnicodeDecodeError:
        return None


def _not_found() -> ServiceError:
    return ServiceError(ResultCode.USER_NOT_FOUND, "not_found", bare=True)
