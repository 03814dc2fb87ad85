"""Coming in and going out: login, logout, and the password that replaces the one everybody knows.

An address that failed too often waits, as at the API. Whoever has the shipped password and calls from another machine
gets no further than choosing a new one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.dashboard import sessions
from app.dashboard.answers import explained, url
from app.dashboard.sessions import ROOT
from app.dashboard.texts import _
from app.errors import ServiceError
from app.loopback import is_local
from app.services import Services
from app.services.apps import AuthenticationRefused, Refusal

View = Callable[[], ResponseReturnValue]


def routes(services: Services) -> Iterator[tuple[str, str, str, View]]:
    """Yield path, method, name and view of what needs no login."""

    def ask() -> ResponseReturnValue:
        if sessions.user() is not None:
            return redirect(safe_target(request.args.get("next", "")), 303)
        return _login_page("")

    def log_in() -> ResponseReturnValue:
        return _log_in(services)

    def renew() -> ResponseReturnValue:
        return _renew(services)

    def log_out() -> ResponseReturnValue:
        sessions.log_out(services.logins)
        return redirect(url("/login"), 303)

    yield "/login", "GET", "login", ask
    yield "/login", "POST", "log_in", log_in
    yield "/login/password", "POST", "renew", renew
    yield "/logout", "POST", "log_out", log_out


def safe_target(wanted: str) -> str:
    """Return a path of ours to go on to; another site's address, or none, means the first page."""
    home = url("/")
    root = request.script_root + ROOT
    is_ours = wanted == root or wanted.startswith((f"{root}/", f"{root}?"))
    return wanted if is_ours and "\\" not in wanted and "//" not in wanted else home


def _login_page(message: str, status: int = 200, **values: object) -> ResponseReturnValue:
    wanted = request.values.get("next", "")
    text = render_template("pages/login.html", message=message, next=wanted, **values)
    return text, status


def _credentials() -> tuple[str, str]:
    return request.form.get("username", ""), request.form.get("password", "")


def _wait(services: Services, credentials: tuple[str, str]) -> ResponseReturnValue | None:
    wait_s = services.login_limits.wait_s(request.remote_addr or "", credentials)
    if not wait_s:
        return None
    seconds = math.ceil(wait_s)
    text = _("Too many failed logins. Try again in {seconds} s.", seconds=seconds)
    return _login_page(text, 429)


def _log_in(services: Services) -> ResponseReturnValue:
    credentials, address = _credentials(), request.remote_addr or ""
    if waiting := _wait(services, credentials):
        return waiting
    try:
        record = services.users.authenticate(*credentials, from_loopback=is_local(request.environ))
    except AuthenticationRefused as refused:
        if refused.reason is Refusal.SHIPPED_SECRET:
            return _renewal_page(credentials[0], "")
        services.login_limits.failed(address)
        return _login_page(_("Username or password is wrong."), 401, username=credentials[0])
    services.login_limits.succeeded(address, credentials)
    sessions.log_in(services.logins, record)
    return redirect(safe_target(request.form.get("next", "")), 303)


def _renewal_page(username: str, message: str, status: int = 200) -> ResponseReturnValue:
    wanted = request.values.get("next", "")
    page = render_template("pages/renew.html", username=username, message=message, next=wanted)
    return page, status


def _renew(services: Services) -> ResponseReturnValue:
    """Replace the shipped password, and log in with the new one."""
    credentials, address = _credentials(), request.remote_addr or ""
    if waiting := _wait(services, credentials):
        return waiting
    username, new = credentials[0], request.form.get("new_password", "")
    try:
        # Only what is proved by the old password, and only the shipped one: others are changed behind the login.
        record = services.users.authenticate(*credentials, from_loopback=True)
    except AuthenticationRefused:
        services.login_limits.failed(address)
        return _renewal_page(username, _("The present password is wrong."), 401)
    if not record.must_change_password:
        return redirect(url("/login"), 303)
    if new == credentials[1]:
        return _renewal_page(username, _("Choose a password other than the present one."), 400)
    if new != request.form.get("repeated", ""):
        return _renewal_page(username, _("The two new passwords differ. Type them again."), 400)
    try:
        services.users.set_password(username, new)
    except ServiceError as error:
        return _renewal_page(username, explained(error), 400)
    record = services.users.authenticate(username, new, from_loopback=is_local(request.environ))
    services.login_limits.succeeded(address, (username, new))
    sessions.log_in(services.logins, record)
    return redirect(safe_target(request.form.get("next", "")), 303)
