"""Users of the dashboard: their roles, passwords and remarks, and the browsers that they are logged in with."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.schemas.user import ROLES
from app.services import Services

WORDS = {role: role for role in reversed(ROLES)}
"""Roles by themselves, for choosing; the one that may least comes first."""
MAY = {
    "administrator": N_("Everything, users and applications too"),
    "operator": N_(
        "Looks and acts, but neither at users nor applications, exports or the audit log"
    ),
    "viewer": N_("Looks only"),
}
TABLE = Table(
    id="users-table",
    path="/users",
    columns=(
        Column("username", N_("Username"), sortable=True),
        Column("role", N_("Role"), sortable=True),
        Column("tags", N_("Remark"), on_phone=False),
        Column("logins", N_("Browsers"), is_number=True, on_phone=False),
    ),
    filters=(
        Filter("username", N_("Username"), placeholder=N_("Part of it")),
        Filter("role", N_("Role"), tuple((role, role) for role in ROLES)),
    ),
)


def users(services: Services) -> ResponseReturnValue:
    """Show the list."""
    rows = [
        {
            "username": one.username,
            "role": one.role,
            "tags": one.tags,
            "must_change": one.must_change_password,
            "logins": len(services.logins.list(one.username)),
        }
        for one in services.users.list()
    ]
    return show(
        "pages/users.html",
        {TABLE.id: "pages/users_table.html"},
        view=TableView.in_memory(TABLE, TABLE.asked(), rows),
        roles=WORDS,
        may_do=MAY,
    )


def user(services: Services) -> ResponseReturnValue:
    """Show one user."""
    name = request.args.get("name", "")
    record = services.users.get(name)
    if record is None:
        raise ServiceError(ResultCode.NOT_FOUND)
    return show(
        "pages/user.html",
        {"user-logins": "pages/user_logins.html"},
        record=record,
        logins=services.logins.list(name),
        roles=WORDS,
    )


def add(services: Services) -> ResponseReturnValue:
    """Create a user."""
    values = {name: request.form.get(name, "") for name in ("username", "password", "role", "tags")}
    services.users.create(values)
    return done(_("{name} may log in.", name=values["username"]), to="/users")


def change(services: Services) -> ResponseReturnValue:
    """Change a user's role and remark."""
    name = _name()
    services.users.update(name, {one: request.form.get(one, "") for one in ("role", "tags")})
    return done(_("{name} is changed.", name=name), to="/users")


def set_password(services: Services) -> ResponseReturnValue:
    """Give a user another password, which logs his browsers out."""
    name = _name()
    services.users.set_password(name, request.form.get("password", ""))
    return done(_("{name} has a new password.", name=name), to="/users", refresh=["user-logins"])


def delete(services: Services) -> ResponseReturnValue:
    """Delete a user."""
    name = _name()
    services.users.delete(name)
    return done(_("{name} is deleted.", name=name), to="/users")


def revoke(services: Services) -> ResponseReturnValue:
    """Log one of a user's browsers out."""
    services.logins.revoke(_name(), request.form.get("id", ""))
    return done(_("The browser is logged out."), to="/users", refresh=["user-logins"])


def _name() -> str:
    return request.form.get("name", "")


PAGES = (
    Page(
        name="users",
        title=N_("Users and roles"),
        path="/users",
        view=users,
        section=Section.SYSTEM,
        icon="users",
        order=20,
        right=Right.ADMINISTER,
        routes=(
            Route("POST", "/users/add", add, Right.ADMINISTER),
            Route("POST", "/users/change", change, Right.ADMINISTER),
            Route("POST", "/users/password", set_password, Right.ADMINISTER),
            Route("POST", "/users/delete", delete, Right.ADMINISTER),
            Route("POST", "/users/revoke", revoke, Right.ADMINISTER),
        ),
    ),
    Page(
        name="user",
        title=N_("User"),
        path="/users/user",
        view=user,
        right=Right.ADMINISTER,
        parent="users",
    ),
)
