"""Settings: every one with its value, default and source; hot ones are changed here."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.heard import heard
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.services import Services
from app.services.configs import ConfigRecord

SOURCES = {
    "default": N_("default"),
    "file": N_("godwit.toml"),
    "override": N_("changed here"),
    "environment": N_("environment"),
}
WHEN = {"hot": N_("at once"), "restart": N_("after a restart")}
TABLE = Table(
    id="settings-table",
    path="/settings",
    columns=(
        Column("key", N_("Setting"), sortable=True),
        Column("value", N_("Value")),
        Column("default", N_("Default"), on_phone=False),
        Column("source", N_("Source"), sortable=True, on_phone=False),
        Column("when", N_("In force"), sortable=True, on_phone=False),
    ),
    filters=(
        Filter("search", N_("Search"), placeholder="keepalive"),
        Filter("source", N_("Source"), tuple(SOURCES.items())),
        Filter("when", N_("In force"), tuple(WHEN.items())),
    ),
)


def settings(services: Services) -> ResponseReturnValue:
    """Show the list."""
    rows = [_row(one) for one in services.configs.list()]
    return show(
        "pages/settings.html",
        {TABLE.id: "pages/settings_table.html"},
        view=TableView.in_memory(TABLE, TABLE.asked(), rows),
        sources=SOURCES,
        when=WHEN,
    )


def _row(one: ConfigRecord) -> dict[str, object]:
    return {
        "key": one.key,
        "value": one.value,
        "default": one.default,
        "source": one.source,
        "when": "hot" if one.hot else "restart",
        "doc": one.doc,
        "search": f"{one.key} {one.doc} {heard(one.doc)}",
    }


def setting(services: Services) -> ResponseReturnValue:
    """Show one of them, with its form."""
    one = services.configs.get(request.args.get("key", ""))
    return show("pages/setting.html", one=one, sources=SOURCES, when=WHEN)


def change(services: Services) -> ResponseReturnValue:
    """Change a hot setting; it is checked by the settings' own table."""
    key = request.form.get("key", "")
    services.configs.update({key: request.form.get("value", "").strip()})
    return done(_("{name} is changed, and in force.", name=key), to="/settings")


def reset(services: Services) -> ResponseReturnValue:
    """Take a change back."""
    key = request.form.get("key", "")
    services.configs.reset(key)
    return done(_("The change of {name} is taken back.", name=key), to="/settings")


PAGES = (
    Page(
        name="settings",
        title=N_("Settings"),
        path="/settings",
        view=settings,
        section=Section.SYSTEM,
        icon="settings",
        order=50,
        routes=(
            Route("POST", "/settings/change", change, Right.OPERATE),
            Route("POST", "/settings/reset", reset, Right.OPERATE),
        ),
    ),
    Page(
        name="setting",
        title=N_("Setting"),
        path="/settings/setting",
        view=setting,
        parent="settings",
    ),
)
