"""Who is logged in at the dashboard, from which browser: opened, listed, ended.

The browser holds a token, the database its digest. A login ends when it was idle too long, when it is too old, when it
is revoked, and when the user is gone or has another password. What requests ask for is remembered for a few seconds,
so that a page that polls costs no statement each time. Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from app.clock import Clock
from app.models import DashboardLogin, Database
from app.models.dashboard_login import ADDRESS_MAX_LENGTH, BROWSER_MAX_LENGTH
from app.services import audit
from app.services.users import UserRecord, UsersService

IDLE_LIMIT_MS = 12 * 3_600_000
AGE_LIMIT_MS = 7 * 24 * 3_600_000
SEEN_INTERVAL_MS = 60_000
"""How exactly it is written down when a login was last used."""
RELOAD_AFTER_S = 5.0
"""How long another process's revocation may go unnoticed."""
MOST_REMEMBERED = 1_000
_TOKEN_BYTES = 32
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """One login, as its user may see it."""

    id: str
    """A digest: it names the login and opens nothing."""
    username: str
    address: str
    browser: str
    created_at_ms: int
    seen_at_ms: int
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class _Remembered:
    record: LoginRecord
    password_mark: str
    loaded_at_s: float


class DashboardLogins:
    """Opens, recognises and ends logins. Request threads share it."""

    def __init__(self, database: Database, users: UsersService, clock: Clock) -> None:
        """Take what it works with."""
        self._database = database
        self._users = users
        self._clock = clock
        self._remembered: dict[str, _Remembered] = {}

    def open(self, username: str, address: str, browser: str) -> str:
        """Log a user in whose password was good; return the token for his browser."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now_ms = self._clock.wall_ms()
        current = self._users.current(username)
        with self._database.session() as session:
            session.add(
                DashboardLogin(
                    token_sha256=_digest(token),
                    username=username,
                    password_mark=current[1] if current else "",
                    address=_storable(address, ADDRESS_MAX_LENGTH),
                    browser=_storable(browser, BROWSER_MAX_LENGTH),
                    created_at=now_ms,
                    seen_at=now_ms,
                    expires_at=now_ms + IDLE_LIMIT_MS,
                )
            )
            audit.record(session, "dashboard.login", username)
        return token

    def find(self, token: str) -> tuple[UserRecord, LoginRecord] | None:
        """Return whose token this is and the login that it belongs to; None where that is over."""
        found = self._lookup(_digest(token))
        if found is None or self._clock.wall_ms() >= found.record.expires_at_ms:
            return None
        current = self._users.current(found.record.username)
        if current is None or current[1] != found.password_mark:
            return None
        return current[0], self._seen(found).record

    def list(self, username: str) -> list[LoginRecord]:
        """Return a user's logins that are not over, the last used first."""
        current = self._users.current(username)
        with self._database.reading() as session:
            rows = session.scalars(
                select(DashboardLogin)
                .where(
                    DashboardLogin.username == username,
                    DashboardLogin.password_mark == (current[1] if current else ""),
                    DashboardLogin.expires_at > self._clock.wall_ms(),
                )
                .order_by(DashboardLogin.seen_at.desc())
            )
            return [_record(row) for row in rows]

    def revoke(self, username: str, login_id: str) -> None:
        """End one of a user's logins; one that is over already is no error."""
        with self._database.session() as session:
            session.execute(
                delete(DashboardLogin).where(
                    DashboardLogin.username == username, DashboardLogin.token_sha256 == login_id
                )
            )
            audit.record(session, "dashboard.logout", username)
        self._remembered.clear()

    def revoke_others(self, username: str, kept_id: str) -> None:
        """End all of a user's logins but one."""
        with self._database.session() as session:
            session.execute(
                delete(DashboardLogin).where(
                    DashboardLogin.username == username, DashboardLogin.token_sha256 != kept_id
                )
            )
            audit.record(session, "dashboard.logout_others", username)
        self._remembered.clear()

    def sweep_expired(self) -> int:
        """Remove the logins that are over; return how many they were."""
        with self._database.session() as session:
            ended = session.scalars(
                select(DashboardLogin.token_sha256).where(
                    DashboardLogin.expires_at <= self._clock.wall_ms()
                )
            ).all()
            session.execute(delete(DashboardLogin).where(DashboardLogin.token_sha256.in_(ended)))
        self._remembered.clear()
        return len(ended)

    def _lookup(self, digest: str) -> _Remembered | None:
        now_s = self._clock.monotonic_s()
        kept = self._remembered.get(digest)
        if kept is not None and now_s - kept.loaded_at_s < RELOAD_AFTER_S:
            return kept
        with self._database.reading() as session:
            row = session.get(DashboardLogin, digest)
            if row is None:
                self._remembered.pop(digest, None)
                return None
            return self._remember(_Remembered(_record(row), row.password_mark, now_s))

    def _seen(self, found: _Remembered) -> _Remembered:
        record, now_ms = found.record, self._clock.wall_ms()
        if now_ms - record.seen_at_ms < SEEN_INTERVAL_MS:
            return found
        expires_at = min(record.created_at_ms + AGE_LIMIT_MS, now_ms + IDLE_LIMIT_MS)
        with self._database.session() as session:
            session.execute(
                update(DashboardLogin)
                .where(DashboardLogin.token_sha256 == record.id)
                .values(seen_at=now_ms, expires_at=expires_at)
            )
        self._remembered.pop(record.id, None)
        return self._lookup(record.id) or found

    def _remember(self, found: _Remembered) -> _Remembered:
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[found.record.id] = found
        return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _storable(text: str, most: int) -> str:
    return _UNSTORABLE.sub("\ufffd", text)[:most]


def _record(row: DashboardLogin) -> LoginRecord:
    return LoginRecord(
        id=row.token_sha256,
        username=row.username,
        address=row.address,
        browser=row.browser,
        created_at_ms=row.created_at,
        seen_at_ms=row.seen_at,
        expires_at_ms=row.expires_at,
    )
