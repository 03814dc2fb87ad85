"""Topics: the routing table, which says who is subscribed to what on which node."""

from __future__ import annotations

import orjson
from flask.typing import ResponseReturnValue

from app.broker.records import RouteRecord
from app.dashboard.answers import show
from app.dashboard.pages import Page, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_
from app.services import Services

TABLE = Table(
    id="topics-table",
    path="/topics",
    columns=(Column("topic", N_("Topic filter")), Column("node", N_("Node"), on_phone=False)),
    filters=(Filter("topic", N_("Topic filter"), placeholder=N_("The whole of it")),),
    empty=N_("As soon as a client subscribes its topic filter is here."),
)


def route_row(route: RouteRecord) -> dict[str, object]:
    """Return what the list shows of a route; runs on the loop."""
    return {"topic": route.topic, "node": route.node}


def topics(services: Services) -> ResponseReturnValue:
    """Show the list, or a page of it."""
    state = TABLE.asked()
    wanted = state.filters.get("topic")
    if wanted is None:
        found = services.routes.list(state.page_request(), route_row)
        rows = orjson.loads(b"[%b]" % found.rows)
        view = TableView(TABLE, state, rows, found.total, found.hasnext)
    else:
        view = TableView.in_memory(
            TABLE, state, orjson.loads(b"[%b]" % services.routes.lookup(wanted, route_row))
        )
    return show("pages/topics.html", {TABLE.id: "pages/topics_table.html"}, view=view)


PAGES = (
    Page(
        name="topics",
        title=N_("Topics"),
        path="/topics",
        view=topics,
        section=Section.MONITOR,
        icon="route",
        order=40,
    ),
)
