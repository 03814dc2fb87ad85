"""Authentication: who is asked about a login, in which order and how often; and the users that the node keeps."""

from __future__ import annotations

from collections.abc import Callable

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show, url
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.dashboard.views.extensions import purpose_of
from app.schemas.sasl import MECHANISMS
from app.services import Services

View = Callable[[Services], ResponseReturnValue]
POINTS = ("client.connect", "client.authenticate", "client.enhanced_authenticate")
COUNTED = (
    ("auth.success", N_("Let in")),
    ("auth.failure", N_("Refused")),
    ("auth.ignore", N_("No opinion")),
    ("acl.allow", N_("Allowed")),
    ("acl.deny", N_("Denied")),
    ("acl.ignore", N_("No opinion on access")),
)
"""Ends of the counters' names, which begin with the plugin's own words."""
KINDS = {"clientid": N_("Client IDs"), "username": N_("Usernames")}
SCRAM = Table(
    id="scram-table",
    path="/authentication/scram",
    columns=(
        Column("username", N_("Username"), sortable=True),
        Column("mechanism", N_("Mechanism"), sortable=True),
    ),
    filters=(
        Filter("username", N_("Username"), placeholder=N_("Part of it")),
        Filter("mechanism", N_("Mechanism"), tuple((one, one) for one in MECHANISMS)),
    ),
    empty=N_("Add the first user above."),
)


def _logins_table(kind: str) -> Table:
    return Table(
        id="logins-table",
        path=f"/authentication/{kind}",
        columns=(
            Column("login", KINDS[kind]),
            Column("superuser", N_("Superuser"), on_phone=False),
            Column("since", N_("Since"), on_phone=False),
        ),
        filters=(Filter("like", KINDS[kind], placeholder=N_("Part of it")),),
        empty=N_("Add the first user above."),
    )


TABLES = {kind: _logins_table(kind) for kind in KINDS}


def tabs() -> list[tuple[str, str]]:
    """Return addresses and titles of the parts of these pages."""
    return [
        (url("/authentication"), _("Plugins")),
        *((url(f"/authentication/{kind}"), _(words)) for kind, words in KINDS.items()),
        (url("/authentication/scram"), "SCRAM"),
    ]


def authentication(services: Services) -> ResponseReturnValue:
    """Show who is asked, in their order."""
    plugins = [one for one in services.plugins.list() if one.type == "auth"]
    hooks = services.plugins.recon()["hooks"]
    asked = _in_order(hooks if isinstance(hooks, dict) else {})
    plugins.sort(key=lambda one: (not one.active, asked.get(one.name, len(asked)), one.name))
    counters = {one.name: _counters(services, one.name) for one in plugins if one.active}
    return show(
        "pages/authentication.html",
        {"plugins": "pages/authentication_plugins.html"},
        plugins=plugins,
        purpose_of=purpose_of,
        places=asked,
        counters=counters,
        counted=COUNTED,
        anonymous=services.configs.get("allow_anonymous").value,
        tabs_here=tabs(),
    )


def _in_order(hooks: dict[str, list[str]]) -> dict[str, int]:
    """Return the place of everybody who is asked about a login."""
    names = dict.fromkeys(name for point in POINTS for name in hooks.get(point, ()))
    return {name: place for place, name in enumerate(names, 1)}


def _counters(services: Services, name: str) -> dict[str, int]:
    """Return a plugin's counters by the ends of their names."""
    return {
        end: value
        for key, value in services.plugins.metrics(name).items()
        for end, _title in COUNTED
        if key.endswith(f".{end}") or key == end
    }


def _logins(kind: str) -> View:
    """Return the view of a table of logins."""

    def logins(services: Services) -> ResponseReturnValue:
        table = TABLES[kind]
        state = table.asked()
        found = services.credentials.list(
            kind, state.page, state.limit, like=state.filters.get("like")
        )
        return show(
            "pages/logins.html",
            {table.id: "pages/logins_table.html"},
            view=TableView(table, state, found.records, found.total, found.hasnext),
            kind=kind,
            is_on=services.plugins.is_active("emqx_auth_mnesia"),
            words=KINDS[kind],
            tabs_here=tabs(),
        )

    return logins


def _kind() -> str:
    kind = request.form.get("kind", "")
    return kind if kind in KINDS else "clientid"


def add(services: Services) -> ResponseReturnValue:
    """Create a login."""
    kind, login = _kind(), request.form.get("login", "")
    values: dict[str, object] = {kind: login, "password": request.form.get("password", "")}
    if "is_superuser" in request.form:
        values["is_superuser"] = True
    services.credentials.create(kind, values)
    return done(_("{name} may log in.", name=login), to=f"/authentication/{kind}")


def change(services: Services) -> ResponseReturnValue:
    """Give a login another password."""
    kind, login = _kind(), request.form.get("login", "")
    services.credentials.update(
        kind,
        login,
        {
            "password": request.form.get("password", ""),
            "is_superuser": "is_superuser" in request.form,
        },
    )
    return done(_("{name} has a new password.", name=login), to=f"/authentication/{kind}")


def delete(services: Services) -> ResponseReturnValue:
    """Remove a login."""
    kind, login = _kind(), request.form.get("login", "")
    services.credentials.delete(kind, login)
    to = f"/authentication/{kind}"
    return done(_("{name} is deleted.", name=login), to=to, refresh=[TABLES[kind].id])


def scram(services: Services) -> ResponseReturnValue:
    """Show the SCRAM users."""
    rows = [
        {"username": name, "mechanism": mechanism}
        for mechanism, names in services.sasl.usernames().items()
        for name in names
    ]
    return show(
        "pages/scram.html",
        {SCRAM.id: "pages/scram_table.html"},
        view=TableView.in_memory(SCRAM, SCRAM.asked(), rows),
        mechanisms={one: one for one in MECHANISMS},
        is_on=services.plugins.is_active("emqx_sasl"),
        tabs_here=tabs(),
    )


def scram_add(services: Services) -> ResponseReturnValue:
    """Create a SCRAM user."""
    services.sasl.create(_scram_user())
    name = request.form.get("username", "")
    return done(_("{name} may log in.", name=name), to=SCRAM.path)


def scram_change(services: Services) -> ResponseReturnValue:
    """Give a SCRAM user another password."""
    services.sasl.update(_scram_user())
    name = request.form.get("username", "")
    return done(_("{name} has a new password.", name=name), to=SCRAM.path)


def scram_delete(services: Services) -> ResponseReturnValue:
    """Remove a SCRAM user."""
    name = request.form.get("username", "")
    services.sasl.delete({"mechanism": request.form.get("mechanism", ""), "username": name})
    return done(_("{name} is deleted.", name=name), to=SCRAM.path, refresh=[SCRAM.id])


def _scram_user() -> dict[str, object]:
    given: dict[str, object] = {
        name: request.form.get(name, "") for name in ("mechanism", "username", "password")
    }
    return given | {"is_superuser": True} if "is_superuser" in request.form else given


PAGES = (
    Page(
        name="authentication",
        title=N_("Authentication"),
        path="/authentication",
        view=authentication,
        section=Section.ACCESS,
        icon="key",
        order=10,
        routes=(
            Route("POST", "/authentication/add", add, Right.OPERATE),
            Route("POST", "/authentication/change", change, Right.OPERATE),
            Route("POST", "/authentication/delete", delete, Right.OPERATE),
            Route("POST", "/authentication/scram/add", scram_add, Right.OPERATE),
            Route("POST", "/authentication/scram/change", scram_change, Right.OPERATE),
            Route("POST", "/authentication/scram/delete", scram_delete, Right.OPERATE),
        ),
    ),
    *(
        Page(
            name=f"logins-{kind}",
            title=words,
            path=f"/authentication/{kind}",
            view=_logins(kind),
            parent="authentication",
        )
        for kind, words in KINDS.items()
    ),
    Page(
        name="scram",
        title=N_("SCRAM users"),
        path="/authentication/scram",
        view=scram,
        parent="authentication",
    ),
)
