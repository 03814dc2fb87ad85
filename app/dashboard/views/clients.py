"""Clients: a list over any number of them, and what is done to one."""

from __future__ import annotations

import time

import orjson
from flask import request
from flask.typing import ResponseReturnValue

from app.broker.records import ClientRecord
from app.dashboard import sessions
from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.services import Services

BANS = {
    "hour": (N_("Ban for an hour"), 3_600),
    "day": (N_("Ban for a day"), 86_400),
    "ever": (N_("Ban for good"), None),
}
"""By what the form sends: its words, and seconds."""
PROTOCOLS = {"3": "MQTT 3.1", "4": "MQTT 3.1.1", "5": "MQTT 5.0"}
TROUBLE = {"queue": {"_gte_mqueue_len": 1}, "dropped": {"_gte_mqueue_dropped": 1}}
TABLE = Table(
    id="clients-table",
    path="/clients",
    columns=(
        Column("clientid", N_("Client ID")),
        Column("username", N_("Username"), on_phone=False),
        Column("address", N_("Address"), on_phone=False),
        Column("protocol", N_("Protocol"), on_phone=False),
        Column("subscriptions", N_("Subscriptions"), is_number=True, on_phone=False),
        Column("queue", N_("Queue"), sortable=True, largest_first=True, is_number=True),
        Column("dropped", N_("Dropped"), sortable=True, largest_first=True, is_number=True),
        Column("since", N_("Since"), on_phone=False),
        Column(
            "idle",
            N_("Idle for"),
            sortable=True,
            largest_first=True,
            is_number=True,
            on_phone=False,
        ),
    ),
    filters=(
        Filter("clientid", N_("Client ID"), placeholder=N_("Part of it")),
        Filter("username", N_("Username"), placeholder=N_("Part of it")),
        Filter("ip_address", N_("Address"), placeholder="192.0.2.1"),
        Filter(
            "conn_state",
            N_("State"),
            (("connected", N_("connected")), ("disconnected", N_("disconnected"))),
        ),
        Filter("proto_ver", N_("Protocol"), tuple(PROTOCOLS.items())),
        Filter(
            "trouble",
            N_("Trouble"),
            (("queue", N_("Messages wait")), ("dropped", N_("Messages dropped"))),
        ),
    ),
    empty=N_("As soon as a client connects to this node it is here."),
)
SORTS = {"queue": "mqueue_len", "dropped": "dropped", "idle": "idle"}
_PARAMETERS = {"clientid": "_like_clientid", "username": "_like_username"}


def client_row(client: ClientRecord) -> dict[str, object]:
    """Return what the list shows of a client; runs on the loop."""
    return {
        "clientid": client.clientid,
        "username": client.username,
        "ip_address": client.ip_address,
        "port": client.port,
        "proto_ver": str(client.proto_ver),
        "connected": client.connected,
        "subscriptions": client.subscriptions_cnt,
        "queue": client.mqueue_len,
        "max_queue": client.max_mqueue,
        "dropped": client.mqueue_dropped,
        "idle_ms": client.idle_ms,
        "since": client.connected_at_ms if client.connected else client.disconnected_at_ms,
    }


def clients(services: Services) -> ResponseReturnValue:
    """Show the list, or a page of it."""
    state = TABLE.asked()
    params: dict[str, object] = {}
    for name, value in state.filters.items():
        if name == "trouble":
            params |= TROUBLE.get(value, {})
        else:
            params[_PARAMETERS.get(name, name)] = value
    if state.sort:
        params["_sort"] = SORTS[state.sort]
    found = services.clients.list(params, state.page_request(), client_row)
    rows = orjson.loads(b"[%b]" % found.rows)
    return show(
        "pages/clients.html",
        {TABLE.id: "pages/clients_table.html"},
        view=TableView(TABLE, state, rows, found.total, found.hasnext),
        protocols=PROTOCOLS,
        bans=BANS,
    )


def kick(services: Services) -> ResponseReturnValue:
    """Close a client's connection and end its session."""
    clientid = request.form.get("clientid", "")
    services.audit.note("client.kick", clientid)
    if not services.clients.kick(clientid):
        raise ServiceError(ResultCode.CLIENT_NOT_ONLINE)
    return _done(_("{clientid} was kicked out.", clientid=clientid))


def ban(services: Services) -> ResponseReturnValue:
    """Ban a client by its id; the node kicks it out."""
    clientid = request.form.get("clientid", "")
    _words, seconds = BANS.get(request.form.get("how_long", ""), BANS["hour"])
    user = sessions.user()
    until = "infinity" if seconds is None else int(time.time()) + seconds
    services.banned.create(
        {
            "who": clientid,
            "as": "clientid",
            "by": user.name if user else "",
            "reason": request.form.get("reason", ""),
            "until": until,
        }
    )
    return _done(_("{clientid} is banned and was kicked out.", clientid=clientid))


def _done(message: str) -> ResponseReturnValue:
    return done(message, to="/clients", refresh=[TABLE.id, "client-now"])


PAGES = (
    Page(
        name="clients",
        title=N_("Clients"),
        path="/clients",
        view=clients,
        section=Section.MONITOR,
        icon="devices",
        order=20,
        routes=(
            Route("POST", "/clients/kick", kick, Right.OPERATE),
            Route("POST", "/clients/ban", ban, Right.OPERATE),
        ),
    ),
)
