"""Applications: who may call the management API, and what they may do to themselves.

The database is the truth; what a request needs of it is kept in this process, replaced whole after
each commit, and read again every few seconds in case another process has changed it. It knows nothing
of HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import Clock
from app.config import ManagementSettings, SettingsError
from app.errors import ResultCode, ServiceError
from app.models import App, Database, InstallationFact
from app.models.installation_fact import DEFAULT_APP_CREATED
from app.schemas.app import AppCreate, AppUpdate, check_app_id, is_app_id
from app.secret_box import SecretBox, SecretBoxError
from app.services import audit

_log = logging.getLogger(__name__)

DEFAULT_APP_NAME = "Default"
DEFAULT_APP_DESC = "Application user"
"""Both as EMQX writes them."""
SHIPPED_SECRET = ManagementSettings().default_application_secret
"""The secret that everybody knows."""
GENERATED_SECRET_LENGTH = 24
"""Characters of base62: 142 bits, more than the 128 of EMQX's identifiers."""
RELOAD_AFTER_S = 5.0
"""How long another process's change may go unnoticed."""
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LAST_APP_GONE = (
    "No application is left, so nobody can call the management API: set "
    "management.default_application.secret and restart to have %r again."
)


class Refusal(Enum):
    """Why credentials were refused; for the log, never for the caller."""

    UNKNOWN = "there is no such application"
    WRONG_SECRET = "the secret is wrong"  # noqa: S105 - not a secret, but a sentence about one
    DISABLED = "the application is disabled"
    EXPIRED = "the application has expired"
    SHIPPED_SECRET = "the secret is the one that everybody knows"  # noqa: S105 - as above


class AuthenticationRefused(Exception):
    """Credentials that are not good; `hint` is a sentence for the caller, where there is one to give."""

    def __init__(self, reason: Refusal, hint: str = "") -> None:
        """Keep the reason and the hint."""
        self.reason = reason
        self.hint = hint
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True)
class AppRecord:
    """An application as it may leave this room. None is EMQX's `undefined`."""

    app_id: str
    name: str | None
    desc: str | None
    status: bool | None
    expired: int | None
    """Unix seconds; the last second in which it is accepted."""
    secret: str | None = field(default=None, repr=False)
    """Only where one application was asked for."""
    permission: str = "full"
    """One of `app.schemas.app.PERMISSIONS`."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What authentication needs of one application; the secret itself is not kept."""

    record: AppRecord
    digest: bytes = field(repr=False)
    secret_is_shipped: bool


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All applications, as they were when `version` was current."""

    version: object
    loaded_at_s: float
    apps: Mapping[str, _Known]


class AppsService:
    """Creates, changes and recognises applications. Request threads share it."""

    def __init__(
        self,
        database: Database,
        secret_box: SecretBox,
        clock: Clock,
        default: tuple[str, str],
    ) -> None:
        """Take what it works with.

        Args:
            database: Where applications are.
            secret_box: What their secrets are sealed with.
            clock: Wall time for expiry, monotonic time for the age of what is kept.
            default: Id and secret of the application that the first start creates.
        """
        self._database = database
        self._box = secret_box
        self._clock = clock
        self._default_id, self._default_secret = default
        self._digest_key = os.urandom(32)
        self._no_digest = self._digest("")
        # A commit puts a new object here. A snapshot that was being loaded meanwhile carries the old one and is
        # not believed, so no lock is needed.
        self._version = object()
        self._snapshot: _Snapshot | None = None

    def ensure_default(self) -> None:
        """Create the default application at the first start; call it once, before requests are served.

        Later starts leave the operator's decisions alone: an application that was deleted stays away. Two things they
        do, and only for an operator who set a secret of his own in the settings: the shipped secret is replaced by it,
        and an empty table gets the application back, which is the way in for somebody who locked himself out.

        Raises:
            SecretBoxError: A stored secret cannot be decrypted with this key.
            SettingsError: The settings name an id or a secret that no application may have.
        """
        try:
            self._settle_default()
        except IntegrityError:
            # Another node on the same database was quicker, and did the same.
            _log.debug("The default application was created by another node")
        self._forget()

    def authenticate(self, app_id: str, secret: str, *, from_loopback: bool) -> AppRecord:
        """Return the application that these credentials belong to.

        Raises:
            AuthenticationRefused: They are not good, or not good enough for a caller from elsewhere.
        """
        known = self._known_apps().get(app_id)
        digest = known.digest if known else self._no_digest
        secret_fits = hmac.compare_digest(digest, self._digest(secret))
        if known is None:
            raise AuthenticationRefused(Refusal.UNKNOWN)
        if not secret_fits:
            raise AuthenticationRefused(Refusal.WRONG_SECRET)
        record = known.record
        if record.status is not True:
            raise AuthenticationRefused(Refusal.DISABLED)
        if record.expired is not None and record.expired < self._clock.wall_ms() // 1000:
            raise AuthenticationRefused(Refusal.EXPIRED)
        if known.secret_is_shipped and not from_loopback:
            raise AuthenticationRefused(Refusal.SHIPPED_SECRET, _shipped_secret_hint(app_id))
        return record

    def list(self) -> list[AppRecord]:
        """Return all applications by id, without their secrets."""
        with self._database.reading() as session:
            return [_record(row) for row in session.scalars(select(App).order_by(App.app_id))]

    def get(self, app_id: str) -> AppRecord | None:
        """Return one application with its secret, or None where there is none.

        Raises:
            SecretBoxError: Its secret was sealed with another key.
        """
        with self._database.reading() as session:
            row = _find(session, app_id)
            return None if row is None else _record(row, self._box.open(row.secret_encrypted))

    def create(self, params: Mapping[str, object]) -> str:
        """Create an application and return its secret, which is made up where none is given.

        Args:
            params: `app_id`, `name`, `status`, and `secret`, `desc`, `expired` where wanted.

        Raises:
            ServiceError: A member is missing or wrong, or the id is taken (without a code, as in EMQX).
        """
        values = AppCreate().read(params)
        values["secret"] = secret = values["secret"] or _generated_secret()
        app = self._new_app(values)
        try:
            with self._database.session() as session:
                session.add(app)
                audit.record(session, "app.create", app.app_id, after=_told(app))
        except IntegrityError:
            raise ServiceError(ResultCode.USER_EXISTS, "already_existed", bare=True) from None
        finally:
            self._forget()
        return secret

    def update(self, app_id: str, params: Mapping[str, object]) -> None:
        """Change an application; EMQX makes undefined what is not named, and so do we.

        A change of nothing but `secret` and `permission`, our additions, leaves the rest as it is.

        Raises:
            ServiceError: A member is wrong, or there is no such application (without a code, as in EMQX).
        """
        values = AppUpdate().read(params)
        ours = {name: values.pop(name) for name in ("secret", "permission") if name in values}
        only_ours = bool(ours) and not values.keys() & params.keys()
        try:
            with self._database.session() as session:
                row = _find(session, app_id)
                if row is None:
                    raise ServiceError(ResultCode.NOT_FOUND, "not_found", bare=True)
                before = _told(row)
                is_new_secret = "secret" in ours and not self._is_kept(row, ours["secret"])
                if is_new_secret:
                    row.secret_encrypted = self._box.seal(ours["secret"])
                row.permission = ours.get("permission", row.permission)
                if not only_ours:
                    row.name, row.desc = values["name"], values["desc"]
                    row.status, row.expired = values["status"], values["expired"]
                after = _told(row) | ({"secret": "changed"} if is_new_secret else {})
                audit.record(session, "app.update", app_id, before=before, after=after)
        finally:
            self._forget()

    def _is_kept(self, row: App, secret: str) -> bool:
        """Tell whether it is the secret already: whoever sends back what he was shown has not changed it."""
        try:
            return self._box.open(row.secret_encrypted) == secret
        except SecretBoxError:
            return False

    def delete(self, app_id: str) -> None:
        """Delete an application; one that is not there is no error."""
        try:
            with self._database.session() as session:
                row = _find(session, app_id)
                if row is not None:
                    session.delete(row)
                    audit.record(session, "app.delete", app_id, before=_told(row))
                    session.flush()
                    if session.scalar(select(App.app_id).limit(1)) is None:
                        _log.warning(_LAST_APP_GONE, self._default_id)
        finally:
            self._forget()

    def reload(self) -> None:
        """Read applications anew before the next request, after others changed them."""
        self._forget()

    def _settle_default(self) -> None:
        secret_was_set = self._default_secret != SHIPPED_SECRET
        with self._database.session() as session:
            rows = {row.app_id: row for row in session.scalars(select(App))}
            first_start = session.get(InstallationFact, DEFAULT_APP_CREATED) is None
            if first_start:
                now_s = self._clock.wall_ms() // 1000
                session.add(InstallationFact(name=DEFAULT_APP_CREATED, value=str(now_s)))
            if not rows and (first_start or secret_was_set):
                app = self._default_app()
                session.add(app)
                audit.record(session, "app.create", app.app_id, after=_told(app))
            elif not rows:
                _log.warning(_LAST_APP_GONE, self._default_id)
            opened = self._open_all(rows.values())
            if secret_was_set and opened.get(self._default_id) == SHIPPED_SECRET:
                rows[self._default_id].secret_encrypted = self._box.seal(self._default_secret)
                audit.record(session, "app.update", self._default_id, after={"secret": "changed"})
                _log.info("The application %r has the secret of the settings", self._default_id)

    def _default_app(self) -> App:
        params = {
            "app_id": self._default_id,
            "name": DEFAULT_APP_NAME,
            "secret": self._default_secret,
            "desc": DEFAULT_APP_DESC,
            "status": True,
        }
        try:
            return self._new_app(AppCreate().read(params))
        except ServiceError as error:
            raise SettingsError(
                "Set management.default_application.id and .secret to what an application may have "
                f"({error.message})."
            ) from None

    def _new_app(self, values: dict[str, Any]) -> App:
        """Make a row of checked values; they hold a secret."""
        check_app_id(values["app_id"])
        columns = {name: value for name, value in values.items() if name != "secret"}
        return App(**columns, secret_encrypted=self._box.seal(values["secret"]))

    def _open_all(self, rows: Iterable[App]) -> dict[str, str]:
        return {row.app_id: self._box.open(row.secret_encrypted) for row in rows}

    def _known_apps(self) -> Mapping[str, _Known]:
        snapshot = self._snapshot
        now_s = self._clock.monotonic_s()
        if (
            snapshot is None
            or snapshot.version is not self._version
            or now_s - snapshot.loaded_at_s > RELOAD_AFTER_S
        ):
            snapshot = self._load(self._version, now_s)
            self._snapshot = snapshot
        return snapshot.apps

    def _load(self, version: object, now_s: float) -> _Snapshot:
        with self._database.reading() as session:
            rows = session.scalars(select(App)).all()
        apps = {}
        for row in rows:
            try:
                apps[row.app_id] = self._known(row)
            except SecretBoxError as error:
                # One that cannot be recognised must not shut the others out.
                _log.error("The application %r is refused: %s", row.app_id, error)
        return _Snapshot(version, now_s, apps)

    def _known(self, row: App) -> _Known:
        secret = self._box.open(row.secret_encrypted)
        return _Known(_record(row), self._digest(secret), secret == SHIPPED_SECRET)

    def _digest(self, secret: str) -> bytes:
        return hmac.digest(
            self._digest_key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256
        )

    def _forget(self) -> None:
        self._version = object()


def _find(session: Session, app_id: str) -> App | None:
    # An id that no application can have is not asked for: a server may refuse its very characters.
    return session.get(App, app_id) if is_app_id(app_id) else None


def _record(row: App, secret: str | None = None) -> AppRecord:
    return AppRecord(
        row.app_id, row.name, row.desc, row.status, row.expired, secret, row.permission
    )


def _told(row: App) -> dict[str, object]:
    """Return an application as the audit log shows it."""
    members = ("name", "desc", "status", "expired", "permission")
    return {name: getattr(row, name) for name in members}


def _generated_secret() -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(GENERATED_SECRET_LENGTH))


def _shipped_secret_hint(app_id: str) -> str:
    return (
        f"The application {app_id} still has the secret that it was shipped with, and works from this machine only: "
        f'change it there with PUT /api/v4/apps/{app_id} {{"secret": "..."}}, or set '
        "management.default_application.secret and restart."
    )
