"""The browser's side of a login: Flask-Login over the logins that are kept in SQL, and the cookie that holds the token.

The cookie is signed, for this application's paths only, and out of reach of scripts. Requests of the API neither read
nor get one.
"""

from __future__ import annotations

from flask import Flask, Request, Response, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from app.actor import Actor, current_act
from app.services.dashboard_logins import DashboardLogins, LoginRecord
from app.services.users import UserRecord

COOKIE = "godwit_session"
ROOT = "/dashboard"


class DashboardUser(UserMixin):  # type: ignore[misc]  # the library has no types
    """A user in a browser that is logged in."""

    def __init__(self, token: str, record: UserRecord, login: LoginRecord) -> None:
        """Keep who it is and by which login."""
        self.token = token
        self.record = record
        self.login = login

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self.token

    @property
    def name(self) -> str:
        """Return the user's name."""
        return self.record.username

    @property
    def role(self) -> str:
        """Return the user's role."""
        return self.record.role


class CookieInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, for the dashboard's pages alone."""

    def open_session(self, app: Flask, asked: Request) -> SecureCookieSession | None:
        """Read the cookie; other paths cost nothing."""
        if not asked.path.startswith(ROOT):
            return self.session_class()
        return super().open_session(app, asked)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the cookie where it has changed."""
        if request.path.startswith(ROOT):
            super().save_session(app, session, response)

    def get_cookie_path(self, app: Flask) -> str:
        """Return where browsers send it."""
        return request.script_root + ROOT

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether it must not go over plain HTTP."""
        return request.is_secure


def install(app: Flask, logins: DashboardLogins, secret_key: bytes) -> None:
    """Have `current_user` be who the request's cookie belongs to."""
    app.secret_key = secret_key
    app.config["SESSION_COOKIE_NAME"] = COOKIE
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.session_interface = CookieInterface()
    manager = LoginManager()

    def load(token: str) -> DashboardUser | None:
        found = logins.find(token)
        return None if found is None else DashboardUser(token, *found)

    manager.user_loader(load)
    # Not `init_app`: what it hangs behind every answer, the API's included, serves cookies that we do not have.
    app.login_manager = manager  # type: ignore[attr-defined]


def user() -> DashboardUser | None:
    """Return who is logged in, and have what the request changes be done by him."""
    if not current_user.is_authenticated:
        return None
    found: DashboardUser = current_user._get_current_object()  # noqa: SLF001 - behind the proxy is ours
    act = current_act()
    if act is not None:
        act.actor = Actor("user", found.name, act.actor.address, act.actor.request_id)
    return found


def log_in(logins: DashboardLogins, record: UserRecord) -> None:
    """Log a user in whose password was good."""
    act = current_act()
    if act is not None:
        act.actor = Actor("user", record.username, act.actor.address, act.actor.request_id)
    # Whatever somebody put into the cookie before the login is worth nothing after it.
    session.clear()
    token = logins.open(record.username, request.remote_addr or "", request.user_agent.string)
    found = logins.find(token)
    if found is not None:
        login_user(DashboardUser(token, *found))


def log_out(logins: DashboardLogins) -> None:
    """End the login of this browser."""
    found = user()
    if found is not None:
        logins.revoke(found.name, found.login.id)
    logout_user()
    session.clear()
