"""ACL: the rules of `acl.conf` with their lines, and those that the node keeps in its database."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show, url
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.services import Services
from app.services.acl_rules import AclQuery

INTERNAL = "emqx_mod_acl_internal"
POINTS = ("client.check_acl", "client.check_acl_subscribe", "client.explain_acl")
KINDS = {"clientid": N_("Client ID"), "username": N_("Username"), "all": N_("Everybody")}
ACTIONS = {"pub": N_("publish"), "sub": N_("subscribe"), "pubsub": N_("publish and subscribe")}
ACCESSES = {"allow": N_("allow"), "deny": N_("deny")}
TABLE = Table(
    id="acl-table",
    path="/acl/database",
    columns=(
        Column("who", N_("For whom")),
        Column("access", N_("Access")),
        Column("action", N_("Action"), on_phone=False),
        Column("topic", N_("Topic")),
    ),
    filters=(
        Filter("kind", N_("Kind"), tuple(KINDS.items())),
        Filter("like", N_("For whom"), placeholder=N_("Part of it")),
        Filter("topic", N_("Topic"), placeholder="plant/#"),
        Filter("action", N_("Action"), tuple((one, ACTIONS[one]) for one in ("pub", "sub"))),
        Filter("access", N_("Access"), tuple(ACCESSES.items())),
    ),
    empty=N_("Add the first rule above."),
)


def tabs() -> list[tuple[str, str]]:
    """Return addresses and titles of the parts of these pages."""
    return [(url("/acl"), "acl.conf"), (url("/acl/database"), _("Rules in the database"))]


def acl(services: Services) -> ResponseReturnValue:
    """Show the file, and who is asked in which order."""
    hooks = services.plugins.recon()["hooks"]
    joined = hooks if isinstance(hooks, dict) else {}
    return show(
        "pages/acl.html",
        {"acl-file": "pages/acl_file.html"},
        file=services.acl_file.file(),
        asked=list(dict.fromkeys(name for point in POINTS for name in joined.get(point, ()))),
        nomatch=services.configs.get("acl_nomatch").value,
        tabs_here=tabs(),
    )


def reload(services: Services) -> ResponseReturnValue:
    """Have the file read again; one with a mistake leaves the rules as they are, and says its line and column."""
    services.audit.note("module.reload", INTERNAL)
    services.modules.reload(INTERNAL)
    return done(_("The rules of the file are in force."), to="/acl", refresh=["acl-file"])


def database(services: Services) -> ResponseReturnValue:
    """Show the rules that the node keeps."""
    state = TABLE.asked()
    kind = state.filters.get("kind")
    query = AclQuery(
        like_login=state.filters.get("like"),
        topic=state.filters.get("topic"),
        action=state.filters.get("action"),
        access=state.filters.get("access"),
    )
    found, total = services.acl_rules.list(kind, state.page, state.limit, query)
    return show(
        "pages/acl_database.html",
        {TABLE.id: "pages/acl_table.html"},
        view=TableView(TABLE, state, found, total, state.page * state.limit < total),
        kinds=KINDS,
        actions=ACTIONS,
        accesses=ACCESSES,
        is_on=services.plugins.is_active("emqx_auth_mnesia"),
        tabs_here=tabs(),
    )


def add(services: Services) -> ResponseReturnValue:
    """Add a rule."""
    kind, login = request.form.get("kind", "all"), request.form.get("login", "").strip()
    values: dict[str, object] = {
        name: request.form.get(name, "") for name in ("topic", "action", "access")
    }
    if kind != "all":
        values[kind] = login
    services.acl_rules.add(values)
    return done(_("The rule is in force."), to=TABLE.path)


def delete(services: Services) -> ResponseReturnValue:
    """Remove what is ruled about somebody and a topic."""
    services.acl_rules.delete(*(request.form.get(one, "") for one in ("kind", "login", "topic")))
    return done(_("The rule is deleted."), to=TABLE.path, refresh=[TABLE.id])


PAGES = (
    Page(
        name="acl",
        title=N_("Access rules"),
        path="/acl",
        view=acl,
        section=Section.ACCESS,
        icon="shield-lock",
        order=20,
        routes=(
            Route("POST", "/acl/reload", reload, Right.OPERATE),
            Route("POST", "/acl/database/add", add, Right.OPERATE),
            Route("POST", "/acl/database/delete", delete, Right.OPERATE),
        ),
    ),
    Page(
        name="acl-database",
        title=N_("Rules in the database"),
        path="/acl/database",
        view=database,
        parent="acl",
    ),
)
