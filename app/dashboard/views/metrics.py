"""Metrics: every counter and gauge of a node, under EMQX's names."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.answers import show
from app.dashboard.pages import Page, Section
from app.dashboard.texts import N_
from app.services import Services

GROUPS = {
    "client": N_("Clients"),
    "session": N_("Sessions"),
    "messages": N_("Messages"),
    "delivery": N_("Deliveries"),
    "packets": N_("Packets"),
    "bytes": N_("Traffic"),
    "limit": N_("Limits that were met"),
}
"""Cards in their order, by the first part of the names in them."""
REST = N_("The node itself")
NOW, MOST = ".count", ".max"


def metrics(services: Services) -> ResponseReturnValue:
    """Show the numbers of a node."""
    names = [one.node for one in services.nodes.list()]
    wanted = request.args.get("node", "")
    here = services.nodes.status()[0]
    node = wanted if wanted in names else here
    text = request.args.get("name", "").strip()
    gauges = dict(services.stats.list()).get(node, {})
    return show(
        "pages/metrics.html",
        {"metrics-now": "pages/metrics_now.html"},
        node=node,
        nodes=names,
        text=text,
        gauges=_paired({name: one for name, one in gauges.items() if text in name}),
        groups=_grouped(
            {name: one for name, one in services.metrics.get(node).items() if text in name}
        ),
        titles=GROUPS | {"": REST},
    )


def _paired(gauges: Mapping[str, int]) -> list[tuple[str, int, int | None]]:
    """Return gauges with what they are now, and the most that they were, where that is known."""
    return [
        (
            name.removesuffix(NOW),
            value,
            gauges.get(name.removesuffix(NOW) + MOST) if name.endswith(NOW) else None,
        )
        for name, value in gauges.items()
        if not name.endswith(MOST)
    ]


def _grouped(counters: Mapping[str, int]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {name: [] for name in (*GROUPS, "")}
    for name, value in counters.items():
        group = name.partition(".")[0]
        found[group if group in GROUPS else ""].append((name, value))
    return {name: rows for name, rows in found.items() if rows}


PAGES = (
    Page(
        name="metrics",
        title=N_("Metrics"),
        path="/metrics",
        view=metrics,
        section=Section.MONITOR,
        icon="chart-bar",
        order=15,
    ),
)
