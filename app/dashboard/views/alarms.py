"""Alarms: what is wrong now, and what was."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from app.broker.alarms import AlarmRecord
from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.services import Services
from app.services.alarms import Which

HISTORY = Table(
    id="alarms-history",
    path="/alarms",
    columns=(
        Column("name", N_("Name"), sortable=True),
        Column("message", N_("Message")),
        Column("began_ms", N_("Began"), sortable=True, on_phone=False),
        Column("ended_ms", N_("Ended"), sortable=True),
        Column("lasted_s", N_("Lasted"), sortable=True, is_number=True, on_phone=False),
        Column("node", N_("Node"), on_phone=False),
    ),
    filters=(
        Filter("name", N_("Name"), placeholder=N_("Part of it")),
        Filter("message", N_("Message"), placeholder=N_("Part of it")),
    ),
    empty=N_("Alarms that are over are kept here."),
)


def alarms(services: Services) -> ResponseReturnValue:
    """Show what is wrong, and the history."""
    active = [
        _row(node, one) for node, found in services.alarms.list(Which.ACTIVATED) for one in found
    ]
    past = [
        _row(node, one) for node, found in services.alarms.list(Which.DEACTIVATED) for one in found
    ]
    past.sort(key=itemgetter("ended_ms"), reverse=True)
    return show(
        "pages/alarms.html",
        {"alarms-active": "pages/alarms_active.html", HISTORY.id: "pages/alarms_history.html"},
        active=active,
        view=TableView.in_memory(HISTORY, HISTORY.asked(), past),
    )


def deactivate(services: Services) -> ResponseReturnValue:
    """End an alarm that is active."""
    name = request.form.get("name", "")
    services.audit.note("alarm.deactivate", name)
    services.alarms.deactivate({"node": request.form.get("node", ""), "name": name})
    return _done(_("The alarm {name} is over.", name=name))


def clear(services: Services) -> ResponseReturnValue:
    """Forget the alarms that are over."""
    services.audit.note("alarm.clear_history", "")
    services.alarms.delete_deactivated()
    return _done(_("The history is empty."))


def _row(node: str, alarm: AlarmRecord) -> dict[str, Any]:
    ended_us = alarm.deactivate_at_us
    return {
        "node": node,
        "name": alarm.name,
        "message": alarm.message,
        "details": ", ".join(f"{key}: {value}" for key, value in alarm.details.items()),
        "began_ms": alarm.activate_at_us // 1000,
        "ended_ms": None if ended_us is None else ended_us // 1000,
        "lasted_s": None if ended_us is None else (ended_us - alarm.activate_at_us) / 1_000_000,
    }


def _done(message: str) -> ResponseReturnValue:
    return done(message, to="/alarms", refresh=["alarms-active", HISTORY.id])


PAGES = (
    Page(
        name="alarms",
        title=N_("Alarms"),
        path="/alarms",
        view=alarms,
        section=Section.DIAGNOSE,
        icon="bell-ringing",
        order=10,
        routes=(
            Route("POST", "/alarms/deactivate", deactivate, Right.OPERATE),
            Route("POST", "/alarms/clear", clear, Right.OPERATE),
        ),
    ),
)
