"""Delayed messages: which ones wait for their time, and having one never come."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.payloads import shown_payload
from app.dashboard.tables import Column, Table, TableView
from app.dashboard.texts import N_, _
from app.services import Services

MODULE = "emqx_mod_delayed"
PATH = "/delayed"
TABLE = Table(
    id="delayed-table",
    path=PATH,
    columns=(
        Column("topic", N_("Topic")),
        Column("due", N_("Due")),
        Column("publisher", N_("Publisher"), on_phone=False),
        Column("published", N_("Published"), on_phone=False),
        Column("qos", N_("QoS"), is_number=True, on_phone=False),
        Column("size", N_("Size"), is_number=True, on_phone=False),
    ),
    empty=N_("A message to $delayed/60/some/topic waits here for a minute."),
)


def delayed(services: Services) -> ResponseReturnValue:
    """Show what waits."""
    state = TABLE.asked()
    rows, total = services.operation.delayed.list(state.page_request())
    return show(
        "pages/delayed.html",
        {TABLE.id: "pages/delayed_table.html"},
        view=TableView(TABLE, state, rows, total, state.page * state.limit < total),
        is_on=services.modules.is_active(MODULE),
    )


def message(services: Services) -> ResponseReturnValue:
    """Show one message."""
    found = services.operation.delayed.get(request.args.get("id", ""))
    return show(
        "pages/delayed_page.html",
        {"delayed-message": "pages/delayed_message.html"},
        message=found,
        payload=shown_payload(found.payload, request.args.get("form", "")),
    )


def cancel(services: Services) -> ResponseReturnValue:
    """Have a message never come."""
    services.operation.delayed.cancel(request.form.get("id", ""))
    return done(_("The message is cancelled."), to=PATH, refresh=[TABLE.id])


def switch_on(services: Services) -> ResponseReturnValue:
    """Switch the module on."""
    services.modules.load(MODULE)
    return done(_("The module is switched on."), to=PATH)


PAGES = (
    Page(
        name="delayed",
        title=N_("Delayed messages"),
        path=PATH,
        view=delayed,
        section=Section.MONITOR,
        icon="clock-pause",
        order=60,
        routes=(
            Route("GET", f"{PATH}/message", message),
            Route("POST", f"{PATH}/cancel", cancel, Right.OPERATE),
            Route("POST", f"{PATH}/switch_on", switch_on, Right.OPERATE),
        ),
    ),
)
