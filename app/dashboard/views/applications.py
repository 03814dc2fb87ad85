"""Applications: what programs log in with at the management API."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.services import Services

PERMISSIONS = {
    "full": N_("everything"),
    "read_only": N_("look only"),
    "publish_only": N_("publish only"),
}
STATES = {"true": N_("allowed"), "false": N_("switched off")}
TABLE = Table(
    id="applications-table",
    path="/applications",
    columns=(
        Column("app_id", N_("AppID"), sortable=True),
        Column("name", N_("Name"), sortable=True, on_phone=False),
        Column("permission", N_("May")),
        Column("status", N_("State"), on_phone=False),
        Column("expired", N_("Expires"), sortable=True, on_phone=False),
        Column("desc", N_("Remark"), on_phone=False),
    ),
    filters=(
        Filter("app_id", N_("AppID"), placeholder=N_("Part of it")),
        Filter("permission", N_("May"), tuple(PERMISSIONS.items())),
        Filter("status", N_("State"), tuple(STATES.items())),
    ),
    empty=N_("Nobody can call the management API without an application. Create one above."),
)


def applications(services: Services) -> ResponseReturnValue:
    """Show the list."""
    rows = [
        {
            "app_id": one.app_id,
            "name": one.name or "",
            "permission": one.permission,
            "status": "true" if one.status else "false",
            "expired": one.expired,
            "desc": one.desc or "",
        }
        for one in services.apps.list()
    ]
    return show(
        "pages/applications.html",
        {TABLE.id: "pages/applications_table.html"},
        view=TableView.in_memory(TABLE, TABLE.asked(), rows),
        permissions=PERMISSIONS,
        states=STATES,
        now_s=datetime.now(UTC).timestamp(),
        suggested=secrets.token_hex(7),
    )


def application(services: Services) -> ResponseReturnValue:
    """Show one of them; its secret stays where it is."""
    found = next((one for one in services.apps.list() if one.app_id == _asked("id")), None)
    if found is None:
        raise ServiceError(ResultCode.NOT_FOUND)
    expires = "" if found.expired is None else _day(found.expired)
    return show(
        "pages/application.html",
        app=found,
        expires=expires,
        permissions=PERMISSIONS,
        states=STATES,
    )


def add(services: Services) -> ResponseReturnValue:
    """Create one, and show its secret, this once."""
    app_id = _sent("app_id")
    secret = services.apps.create({"app_id": app_id, "status": True, **_members()})
    return _secret_of(app_id, secret)


def change(services: Services) -> ResponseReturnValue:
    """Change everything but the secret."""
    app_id = _sent("app_id")
    services.apps.update(app_id, {"status": _sent("status") == "true", **_members()})
    return done(_("{name} is changed.", name=app_id), to="/applications")


def renew(services: Services) -> ResponseReturnValue:
    """Make up a new secret, and show it, this once."""
    app_id, secret = _sent("app_id"), secrets.token_urlsafe(18)
    services.apps.update(app_id, {"secret": secret})
    return _secret_of(app_id, secret)


def delete(services: Services) -> ResponseReturnValue:
    """Delete one."""
    services.apps.delete(_sent("app_id"))
    return done(
        _("{name} is deleted.", name=_sent("app_id")), to="/applications", refresh=[TABLE.id]
    )


def _secret_of(app_id: str, secret: str) -> ResponseReturnValue:
    part = "pages/application_secret_part.html"
    return show(
        "pages/application_secret.html",
        {"new-app": part, "new-secret": part},
        app_id=app_id,
        secret=secret,
    )


def _members() -> dict[str, object]:
    expires = _sent("expires")
    return {
        "name": _sent("name"),
        "desc": _sent("desc"),
        "permission": _sent("permission"),
        "expired": _end_of(expires) if expires else None,
    }


def _end_of(day: str) -> int:
    """Return the last second of a day, by UTC."""
    try:
        at = datetime.strptime(day, "%Y-%m-%d").replace(hour=23, minute=59, second=59, tzinfo=UTC)
    except ValueError:
        message = _("{title} cannot be read", title=_("Expires"))
        raise ServiceError(ResultCode.BAD_PARAMETER, message) from None
    return int(at.timestamp())


def _day(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


def _asked(name: str) -> str:
    return request.args.get(name, "")


def _sent(name: str) -> str:
    return request.form.get(name, "").strip()


PAGES = (
    Page(
        name="applications",
        title=N_("Applications"),
        path="/applications",
        view=applications,
        section=Section.SYSTEM,
        icon="apps",
        order=10,
        right=Right.ADMINISTER,
        routes=(
            Route("POST", "/applications/add", add, Right.ADMINISTER),
            Route("POST", "/applications/change", change, Right.ADMINISTER),
            Route("POST", "/applications/renew", renew, Right.ADMINISTER),
            Route("POST", "/applications/delete", delete, Right.ADMINISTER),
        ),
    ),
    Page(
        name="application",
        title=N_("Application"),
        path="/applications/application",
        view=application,
        right=Right.ADMINISTER,
        parent="applications",
    ),
)
