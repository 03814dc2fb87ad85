"""Bans: who is kept out, until when and why; what flapping detection has banned stands among them."""

from __future__ import annotations

import time

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard import sessions
from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Table, TableView
from app.dashboard.texts import N_, _
from app.services import Services

KINDS = {
    "clientid": N_("Client ID"),
    "username": N_("Username"),
    "peerhost": N_("Address or network"),
}
SPANS = {
    "300": N_("5 minutes"),
    "3600": N_("1 hour"),
    "86400": N_("1 day"),
    "604800": N_("7 days"),
    "2592000": N_("30 days"),
    "": N_("for good"),
}
"""Seconds by what the form sends; an empty text never ends."""
TABLE = Table(
    id="bans-table",
    path="/bans",
    columns=(
        Column("who", N_("Banned")),
        Column("kind", N_("Kind"), on_phone=False),
        Column("reason", N_("Reason"), on_phone=False),
        Column("by", N_("Banned by"), on_phone=False),
        Column("since", N_("Since"), on_phone=False),
        Column("until", N_("Until")),
    ),
    empty=N_(
        "Nobody is banned. Restless clients are banned by flapping detection, where it is on."
    ),
)


def bans(services: Services) -> ResponseReturnValue:
    """Show the list."""
    state = TABLE.asked()
    found, total = services.banned.list(state.page, state.limit)
    return show(
        "pages/bans.html",
        {TABLE.id: "pages/bans_table.html"},
        view=TableView(TABLE, state, found, total, state.page * state.limit < total),
        kinds=KINDS,
        spans=SPANS,
        now_s=time.time(),
    )


def add(services: Services) -> ResponseReturnValue:
    """Ban somebody; the node kicks out who is connected."""
    user, span = sessions.user(), request.form.get("span", "300")
    until = int(time.time()) + int(span) if span in SPANS and span else "infinity"
    who = request.form.get("who", "").strip()
    services.banned.create(
        {
            "who": who,
            "as": request.form.get("kind", ""),
            "by": user.name if user else "",
            "reason": request.form.get("reason", ""),
            "until": until,
        }
    )
    return done(_("{who} is banned.", who=who), to="/bans")


def lift(services: Services) -> ResponseReturnValue:
    """Lift a ban."""
    who = request.form.get("who", "")
    services.banned.delete(request.form.get("kind", ""), who)
    return done(_("{who} may come in again.", who=who), to="/bans", refresh=[TABLE.id])


PAGES = (
    Page(
        name="bans",
        title=N_("Bans"),
        path="/bans",
        view=bans,
        section=Section.ACCESS,
        icon="ban",
        order=40,
        routes=(
            Route("POST", "/bans/add", add, Right.OPERATE),
            Route("POST", "/bans/lift", lift, Right.OPERATE),
        ),
    ),
)
