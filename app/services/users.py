"""Dashboard users: who may log in to the dashboard and to the API that it serves, and with which password.

The database is the truth; what a request needs of it is kept in this process, replaced whole after each commit, and
read again every few seconds in case another process has changed it. A password that was good is remembered by a keyed
digest beside its hash, since every request of the dashboard brings it along and Argon2 is slow on purpose. It knows
nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import Clock
from app.config import DashboardSettings, SettingsError
from app.errors import ResultCode, ServiceError
from app.models import Database, InstallationFact, User
from app.models.installation_fact import DEFAULT_USER_CREATED
from app.models.user import USERNAME_MAX_LENGTH
from app.schemas.fields import is_storable
from app.schemas.user import (
    ROLES,
    UserCreate,
    UserUpdate,
    check_password,
    check_username,
    refused,
)
from app.services import audit, passwords
from app.services.apps import AuthenticationRefused, Refusal

_log = logging.getLogger(__name__)

DEFAULT_TAGS = "administrator"
"""As EMQX tags the user that its first start creates."""
UNDELETABLE = "admin"
SHIPPED_PASSWORD = DashboardSettings().default_user_password
"""The password that everybody knows."""
RELOAD_AFTER_S = 5.0
"""How long another process's change may go unnoticed."""
WRONG = "Username/Password error"
NOT_FOUND = "Username Not Found"


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user as he may leave this room."""

    username: str
    tags: str
    role: str
    """One of `app.schemas.user.ROLES`."""
    must_change_password: bool = False
    """His password is the shipped one, which works from this machine only."""


@dataclass(frozen=True, slots=True)
class _Known:
    record: UserRecord
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All users, as they were when `version` was current."""

    version: object
    loaded_at_s: float
    users: Mapping[str, _Known]


@dataclass(frozen=True, slots=True)
class _Proved:
    """A password that was good for a hash; the password itself is not kept."""

    password_hash: str
    digest: bytes


class UsersService:
    """Creates, changes and recognises dashboard users. Request threads share it."""

    def __init__(self, database: Database, clock: Clock, default: tuple[str, str]) -> None:
        """Take what it works with.

        Args:
            database: Where users are.
            clock: Wall time for what is written, monotonic time for the age of what is kept.
            default: Name and password of the user that the first start creates.
        """
        self._database = database
        self._clock = clock
        self._default_name, self._default_password = default
        self._digest_key = os.urandom(32)
        self._proved: dict[str, _Proved] = {}
        # A commit puts a new object here; a snapshot that was being loaded meanwhile carries the old one.
        self._version = object()
        self._snapshot: _Snapshot | None = None

    def ensure_default(self) -> None:
        """Create the default user at the first start; call it once, before requests are served.

        Later starts change one thing, and only for an operator who set a password of his own in the settings: the
        default user who still has the shipped one gets it.

        Raises:
            SettingsError: The settings name a user or a password that cannot be.
        """
        try:
            self._settle_default()
        except IntegrityError:
            # Another node on the same database was quicker, and did the same.
            _log.debug("The default user was created by another node")
        self.forget()

    def authenticate(self, username: str, password: str, *, from_loopback: bool) -> UserRecord:
        """Return the user whom these credentials belong to.

        Raises:
            AuthenticationRefused: They are not good, or not good enough for a caller from elsewhere.
        """
        known = self._known_users().get(username)
        if known is None:
            passwords.fits(passwords.NOBODYS_HASH, password)
            raise AuthenticationRefused(Refusal.UNKNOWN)
        if not self._fits(known, password):
            raise AuthenticationRefused(Refusal.WRONG_SECRET)
        if known.record.must_change_password and not from_loopback:
            raise AuthenticationRefused(Refusal.SHIPPED_SECRET, _shipped_hint(username))
        return known.record

    def login(self, params: Mapping[str, object], *, from_loopback: bool) -> UserRecord:
        """Check a user's name and password (EMQX 4.4, POST /api/v4/auth).

        Raises:
            ServiceError: In EMQX's words, without a code.
            AuthenticationRefused: The credentials are not good.
        """
        for name in ("username", "password"):
            if params.get(name) is None:
                raise refused(f"{name.capitalize()} undefined")
        username, password = params["username"], params["password"]
        if not isinstance(username, str) or not isinstance(password, str):
            raise AuthenticationRefused(Refusal.WRONG_SECRET)
        return self.authenticate(username, password, from_loopback=from_loopback)

    def list(self) -> list[UserRecord]:
        """Return all users by name."""
        with self._database.reading() as session:
            return [_record(row) for row in session.scalars(select(User).order_by(User.username))]

    def get(self, username: str) -> UserRecord | None:
        """Return one user, or None where there is none."""
        with self._database.reading() as session:
            row = _find(session, username)
            return None if row is None else _record(row)

    def current(self, username: str) -> tuple[UserRecord, str] | None:
        """Return a user and a mark that changes with his password, from memory; None where there is none."""
        known = self._known_users().get(username)
        if known is None:
            return None
        return known.record, hashlib.sha256(known.password_hash.encode()).hexdigest()

    def create(self, params: Mapping[str, object], *, any_password: bool = False) -> None:
        """Create a user.

        Args:
            params: `username` and `password`, `tags` and `role` where wanted; tags that name a role mean it.
            any_password: Whether a plain password will do, as it did before EMQX 4.

        Raises:
            ServiceError: A member is missing or wrong, or the name is taken; in EMQX's words, without a code.
        """
        username, password = params.get("username"), params.get("password")
        if not isinstance(username, str) or not isinstance(password, str) or not username:
            raise refused("Username or password undefined", ResultCode.EMPTY_USERNAME_OR_PASSWORD)
        if not password:
            raise refused("Username or password undefined", ResultCode.EMPTY_USERNAME_OR_PASSWORD)
        check_username(username)
        if not any_password:
            check_password(password)
        values = UserCreate().read(params)
        user = self._new_user(username, password, values["tags"], values.get("role"))
        try:
            with self._database.session() as session:
                session.add(user)
                audit.record(session, "user.create", username, after=_told(user))
        except IntegrityError:
            raise refused("Username Already Exist", ResultCode.USER_EXISTS) from None
        finally:
            self.forget()

    def update(self, username: str, params: Mapping[str, object]) -> None:
        """Change a user's tags or role.

        Raises:
            ServiceError: There is no such user, a member is wrong, or nobody would be left to administer.
        """
        values = UserUpdate().read(params)
        try:
            with self._database.session() as session:
                row = _found(session, username)
                before = _told(row)
                for name, value in values.items():
                    setattr(row, name, value)
                _keep_an_administrator(session)
                audit.record(session, "user.update", username, before=before, after=_told(row))
        finally:
            self.forget()

    def delete(self, username: str) -> None:
        """Delete a user.

        Raises:
            ServiceError: It is `admin`, there is no such user, or nobody would be left to administer.
        """
        if username == UNDELETABLE:
            raise refused("Cannot delete admin", ResultCode.ADMIN_UNDELETABLE)
        try:
            with self._database.session() as session:
                row = _found(session, username)
                session.delete(row)
                _keep_an_administrator(session)
                audit.record(session, "user.delete", username, before=_told(row))
        finally:
            self.forget()
            self._proved.pop(username, None)

    def change_password(
        self,
        username: str,
        params: Mapping[str, object],
        *,
        from_loopback: bool,
        any_password: bool = False,
    ) -> None:
        """Change a password by whoever knows the old one.

        Args:
            username: Whose.
            params: `old_pwd` and `new_pwd`.
            from_loopback: Whether the caller is on this machine; the shipped password counts there only.
            any_password: Whether a plain password will do, as it did before EMQX 4.

        Raises:
            ServiceError: The new one is none.
            AuthenticationRefused: The old one is not the user's.
        """
        credentials = {"username": username, "password": params.get("old_pwd")}
        self.login(credentials, from_loopback=from_loopback)
        new = params.get("new_pwd")
        if not isinstance(new, str) or not new:
            raise refused("Password undefined", ResultCode.EMPTY_USERNAME_OR_PASSWORD)
        self.set_password(username, new, any_password=any_password)

    def set_password(self, username: str, password: str, *, any_password: bool = False) -> None:
        """Give a user another password, as an operator at the machine may.

        Raises:
            ServiceError: There is no such user, or the password cannot be.
        """
        if not any_password:
            check_password(password)
        password_hash = passwords.hash_password(password)
        try:
            with self._database.session() as session:
                row = _found(session, username)
                row.password_hash = password_hash
                row.must_change_password = False
                audit.record(session, "user.change_password", username)
        finally:
            self.forget()

    def _settle_default(self) -> None:
        password_was_set = self._default_password != SHIPPED_PASSWORD
        self._check_default(password_was_set=password_was_set)
        with self._database.session() as session:
            row = _find(session, self._default_name)
            if session.get(InstallationFact, DEFAULT_USER_CREATED) is None:
                now_s = self._clock.wall_ms() // 1000
                session.add(InstallationFact(name=DEFAULT_USER_CREATED, value=str(now_s)))
                if row is None:
                    self._add_default(session, shipped=not password_was_set)
            elif row is not None and row.must_change_password and password_was_set:
                row.password_hash = passwords.hash_password(self._default_password)
                row.must_change_password = False
                audit.record(session, "user.change_password", self._default_name)
                _log.info("The user %r has the password of the settings", self._default_name)

    def _add_default(self, session: Session, *, shipped: bool) -> None:
        name, password = self._default_name, self._default_password
        user = self._new_user(name, password, DEFAULT_TAGS, ROLES[0])
        user.must_change_password = shipped
        session.add(user)
        audit.record(session, "user.create", name, after=_told(user))

    def _check_default(self, *, password_was_set: bool) -> None:
        try:
            check_username(self._default_name)
            if password_was_set:
                check_password(self._default_password)
        except ServiceError as error:
            raise SettingsError(
                "Set dashboard.default_user.login and .password to what a dashboard user may have "
                f"({error.message.rstrip('.')})."
            ) from None

    def _new_user(self, username: str, password: str, tags: str, role: str | None) -> User:
        return User(
            username=username,
            password_hash=passwords.hash_password(password),
            tags=tags,
            role=role or (tags if tags in ROLES else ROLES[0]),
            must_change_password=False,
            created_at=self._clock.wall_ms(),
        )

    def _fits(self, known: _Known, password: str) -> bool:
        username, kept = known.record.username, known.password_hash
        digest = hmac.digest(
            self._digest_key, password.encode("utf-8", "surrogatepass"), hashlib.sha256
        )
        proved = self._proved.get(username)
        if (
            proved is not None
            and proved.password_hash == kept
            and hmac.compare_digest(proved.digest, digest)
        ):
            return True
        # A wrong password is as slow to refuse as if nobody had ever given the right one.
        if not passwords.fits(kept, password):
            return False
        if passwords.is_outdated(kept):
            kept = self._keep_better(username, kept, password)
        self._proved[username] = _Proved(kept, digest)
        return True

    def _keep_better(self, username: str, kept: str, password: str) -> str:
        """Replace an old hash, unless somebody has changed the password meanwhile; return what is kept."""
        better = passwords.hash_password(password)
        with self._database.session() as session:
            session.execute(
                update(User)
                .where(User.username == username, User.password_hash == kept)
                .values(password_hash=better)
            )
        self.forget()
        return better

    def _known_users(self) -> Mapping[str, _Known]:
        snapshot = self._snapshot
        now_s = self._clock.monotonic_s()
        if (
            snapshot is None
            or snapshot.version is not self._version
            or now_s - snapshot.loaded_at_s > RELOAD_AFTER_S
        ):
            version = self._version
            with self._database.reading() as session:
                rows = session.scalars(select(User)).all()
            users = {row.username: _Known(_record(row), row.password_hash) for row in rows}
            snapshot = self._snapshot = _Snapshot(version, now_s, users)
        return snapshot.users

    def forget(self) -> None:
        """Read the users again before the next login: for whoever changes the table himself."""
        self._version = object()


def _find(session: Session, username: str) -> User | None:
    # A name that no user can have is not asked for: a server may refuse its very characters.
    if len(username) > USERNAME_MAX_LENGTH or not is_storable(username):
        return None
    return session.get(User, username)


def _found(session: Session, username: str) -> User:
    row = _find(session, username)
    if row is None:
        raise refused(NOT_FOUND, ResultCode.USER_NOT_FOUND)
    return row


def _keep_an_administrator(session: Session) -> None:
    session.flush()
    if session.scalar(select(User.username).where(User.role == ROLES[0]).limit(1)) is None:
        raise refused("Cannot go without an administrator")


def _record(row: User) -> UserRecord:
    return UserRecord(row.username, row.tags, row.role, row.must_change_password)


def _told(row: User) -> dict[str, object]:
    """Return a user as the audit log shows him."""
    return {"tags": row.tags, "role": row.role}


def _shipped_hint(username: str) -> str:
    return (
        f"The user {username} still has the password that he was shipped with, and may log in from this machine only: "
        f'change it there with PUT /api/v4/change_pwd/{username} {{"old_pwd": "...", "new_pwd": "..."}}, or set '
        "dashboard.default_user.password and restart."
    )
