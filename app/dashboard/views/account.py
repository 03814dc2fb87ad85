"""Your account: the password, and the browsers that are logged in."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard import sessions
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route
from app.dashboard.sessions import DashboardUser
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.apps import AuthenticationRefused


def account(services: Services) -> ResponseReturnValue:
    """Show the page."""
    me = _me()
    return show(
        "pages/account.html",
        {"logins": "pages/account_logins.html"},
        me=me,
        logins=services.logins.list(me.name),
    )


def change_password(services: Services) -> ResponseReturnValue:
    """Change one's own password; other browsers are logged out by it."""
    me, new = _me(), request.form.get("new_password", "")
    if new != request.form.get("repeated", ""):
        raise _refused(_("The two new passwords differ"))
    try:
        # Whoever is behind this login has proved already where he may come from.
        services.users.change_password(
            me.name,
            {"old_pwd": request.form.get("password", ""), "new_pwd": new},
            from_loopback=True,
        )
    except AuthenticationRefused:
        services.login_limits.failed(request.remote_addr or "")
        raise _refused(_("The present password is wrong")) from None
    current = services.users.current(me.name)
    if current is not None:
        sessions.log_in(services.logins, current[0])
    return done(_("Your password is changed; other browsers are logged out."), to="/account")


def revoke(services: Services) -> ResponseReturnValue:
    """Log one browser out."""
    services.logins.revoke(_me().name, request.form.get("id", ""))
    return done(_("The browser is logged out."), to="/account", refresh=["logins"])


def revoke_others(services: Services) -> ResponseReturnValue:
    """Log all other browsers out."""
    me = _me()
    services.logins.revoke_others(me.name, me.login.id)
    return done(_("All other browsers are logged out."), to="/account", refresh=["logins"])


def _me() -> DashboardUser:
    me = sessions.user()
    assert me is not None, "the guard lets nobody in without a login"
    return me


def _refused(reason: str) -> ServiceError:
    return ServiceError(ResultCode.BAD_PARAMETER, reason)


PAGES = (
    Page(
        name="account",
        title=N_("Your account"),
        path="/account",
        view=account,
        icon="user",
        routes=(
            Route("POST", "/account/password", change_password),
            Route("POST", "/account/revoke", revoke),
            Route("POST", "/account/revoke_others", revoke_others),
        ),
    ),
)
