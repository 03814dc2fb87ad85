"""Overview: the numbers of now, how they came about, how the nodes fare, what is wrong."""

from __future__ import annotations

from collections import Counter

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.answers import show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_, _
from app.services import Services
from app.services.alarms import Which

SPANS = {"1h": N_("1 hour"), "24h": N_("24 hours"), "30d": N_("30 days")}
EVERY_S = {"1h": 10, "24h": 60, "30d": 600}
"""How often charts of a span are fetched again: not more often than they can have changed."""
NUMBERS = (
    ("live_connections.count", N_("Connections"), "plug-connected"),
    ("sessions.count", N_("Sessions"), "users"),
    ("subscriptions.count", N_("Subscriptions"), "rss"),
    ("routes.count", N_("Routes"), "route"),
    ("retained.count", N_("Retained messages"), "pin"),
)
"""Gauge, title and icon."""
RATES = (
    ("messages_received", N_("Messages in"), "arrow-down-left"),
    ("messages_sent", N_("Messages out"), "arrow-up-right"),
    ("messages_dropped", N_("Messages dropped"), "trash"),
)
"""Name in the history, title and icon; shown for each second."""
CHARTS = (
    ("messages", N_("Messages per second"), "number", tuple(name for name, *_rest in RATES)),
    ("connections", N_("Connections and sessions"), "number", ("connections", "sessions")),
    ("bytes", N_("Traffic per second"), "bytes", ("bytes_received", "bytes_sent")),
    ("subscriptions", N_("Subscriptions"), "number", ("subscriptions", "topics", "retained")),
    ("memory", N_("Memory of the process"), "bytes", ("memory",)),
    ("cpu", N_("Processor, of one core"), "percent", ("cpu",)),
)
"""Id, title, unit and the series in it."""
SERIES = {
    "messages_received": N_("In"),
    "messages_sent": N_("Out"),
    "messages_dropped": N_("Dropped"),
    "bytes_received": N_("In"),
    "bytes_sent": N_("Out"),
    "connections": N_("Connections"),
    "sessions": N_("Sessions"),
    "subscriptions": N_("Subscriptions"),
    "topics": N_("Topics"),
    "retained": N_("Retained messages"),
    "memory": N_("Memory"),
    "cpu": N_("Processor"),
}


def overview(services: Services) -> ResponseReturnValue:
    """Show the page, or its part that is fetched again every few seconds."""
    gauges: Counter[str] = Counter()
    for _node, stats in services.stats.list():
        gauges.update(stats)
    alarms = [
        (node, alarm) for node, active in services.alarms.list(Which.ACTIVATED) for alarm in active
    ]
    return show(
        "pages/overview.html",
        {"now": "pages/overview_now.html"},
        gauges=gauges,
        numbers=NUMBERS,
        rates=RATES,
        latest=services.history.latest([name for name, *_rest in RATES]),
        nodes=services.nodes.list(),
        descriptors=services.operation.machine.vm()["io"],
        alarms=alarms,
        spans=SPANS,
        span=_span(),
        every_s=EVERY_S[_span()],
        charts=CHARTS,
    )


def series(services: Services) -> ResponseReturnValue:
    """Return what the charts draw: all of them, because one question costs the node a third of six."""
    found = services.history.series(SERIES, _span())
    return {
        "at_s": [at_ms // 1000 for at_ms in found.at_ms],
        "series": [
            {"name": name, "title": _(SERIES[name]), "values": list(values)}
            for name, values in found.values.items()
        ],
    }


def _span() -> str:
    wanted = request.args.get("span", "")
    return wanted if wanted in SPANS else "1h"


PAGES = (
    Page(
        name="overview",
        title=N_("Overview"),
        path="/",
        view=overview,
        section=Section.MONITOR,
        icon="layout-dashboard",
        order=10,
        routes=(Route("GET", "/overview/series", series),),
    ),
)
