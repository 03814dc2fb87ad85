"""Subscriptions: who listens to what, over all clients."""

from __future__ import annotations

import orjson
from flask.typing import ResponseReturnValue

from app.broker.records import SubscriptionRecord
from app.dashboard.answers import show
from app.dashboard.pages import Page, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_
from app.services import Services

PARAMETERS = {"match": "_match_topic"}
"""Names of the service's parameters, where they are not the filters'."""
TABLE = Table(
    id="subscriptions-table",
    path="/subscriptions",
    columns=(
        Column("clientid", N_("Client ID")),
        Column("topic", N_("Topic filter")),
        Column("qos", N_("QoS"), is_number=True),
        Column("share", N_("Share group"), on_phone=False),
        Column("node", N_("Node"), on_phone=False),
    ),
    filters=(
        Filter("clientid", N_("Client ID"), placeholder=N_("The whole of it")),
        Filter("topic", N_("Topic filter"), placeholder="site/+/value"),
        Filter("match", N_("Filters within"), placeholder="site/#"),
        Filter("share", N_("Share group"), placeholder="group"),
        Filter("qos", N_("QoS"), (("0", "0"), ("1", "1"), ("2", "2"))),
    ),
    empty=N_("As soon as a client subscribes it is here."),
)


def subscription_row(one: SubscriptionRecord) -> dict[str, object]:
    """Return what the list shows of a subscription; runs on the loop."""
    return {
        "clientid": one.clientid,
        "topic": one.topic,
        "inner": one.inner_topic,
        "qos": one.qos,
        "share": one.share,
        "node": one.node,
    }


def subscriptions(services: Services) -> ResponseReturnValue:
    """Show the list, or a page of it."""
    state = TABLE.asked()
    params = {PARAMETERS.get(name, name): value for name, value in state.filters.items()}
    found = services.subscriptions.list(params, state.page_request(), subscription_row)
    rows = orjson.loads(b"[%b]" % found.rows)
    return show(
        "pages/subscriptions.html",
        {TABLE.id: "pages/subscriptions_table.html"},
        view=TableView(TABLE, state, rows, found.total, found.hasnext),
    )


PAGES = (
    Page(
        name="subscriptions",
        title=N_("Subscriptions"),
        path="/subscriptions",
        view=subscriptions,
        section=Section.MONITOR,
        icon="rss",
        order=30,
    ),
)
