"""Audit log: who changed what, when, from where, and what it was before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import show
from app.dashboard.pages import Page, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_
from app.services import Services
from app.services.audit import AuditQuery

KINDS = {
    "app": N_("application"),
    "user": N_("user"),
    "cli": N_("command line"),
    "system": N_("the node itself"),
    "nobody": N_("nobody who logged in"),
}
SPANS = {
    "3600": N_("Last hour"),
    "86400": N_("Last day"),
    "604800": N_("Last 7 days"),
    "2592000": N_("Last 30 days"),
}
TABLE = Table(
    id="audit-table",
    path="/audit",
    columns=(
        Column("at", N_("When")),
        Column("actor", N_("Actor")),
        Column("action", N_("Action"), on_phone=False),
        Column("target", N_("Of what")),
        Column("change", N_("Difference"), on_phone=False),
    ),
    filters=(
        Filter("kind", N_("Kind"), tuple(KINDS.items())),
        Filter("actor", N_("Actor"), placeholder=N_("Part of it")),
        Filter("action", N_("Action"), placeholder="banned.create"),
        Filter("target", N_("Of what"), placeholder=N_("Part of it")),
        Filter("span", N_("When"), tuple(SPANS.items())),
    ),
    empty=N_("Every change is written down here."),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One member of what was changed."""

    name: str
    before: str | None
    """None where there was nothing."""
    after: str | None


def audit(services: Services) -> ResponseReturnValue:
    """Show the entries, the newest first."""
    state = TABLE.asked()
    asked = state.filters
    span = asked.get("span", "")
    since_ms = (time.time_ns() // 1_000_000 - int(span) * 1000) if span in SPANS else None
    query = AuditQuery(
        actor_kind=asked.get("kind"),
        like_actor=asked.get("actor"),
        like_action=asked.get("action"),
        like_target=asked.get("target"),
        gte_at_ms=since_ms,
    )
    found, total = services.audit.list(query, state.page, state.limit)
    return show(
        "pages/audit.html",
        {TABLE.id: "pages/audit_table.html"},
        view=TableView(TABLE, state, found, total, state.page * state.limit < total),
        kinds=KINDS,
        differences=differences,
    )


def differences(before: object, after: object) -> list[Difference]:
    """Return what differs between two states of something, member by member; what stayed is left out."""
    old, new = _members(before), _members(after)
    return [
        Difference(name, _text(old.get(name)), _text(new.get(name)))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]


def _members(state: object) -> Mapping[str, object]:
    if state is None:
        return {}
    return state if isinstance(state, Mapping) else {"": state}


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


PAGES = (
    Page(
        name="audit",
        title=N_("Audit log"),
        path="/audit",
        view=audit,
        section=Section.SYSTEM,
        icon="history",
        order=30,
        right=Right.ADMINISTER,
    ),
)
