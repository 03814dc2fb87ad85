"""Gauges in the words of the third generation: EMQ X 3.0's with slashes, or 3.2's with dots."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.endpoint import Answer, Call, Endpoint
from app.api.slash_names import STATS_V3, renamed, spelled
from app.api.v3.dialect import success
from app.services import Services

ONLY_3_2 = {name.replace("/", "."): ours for name, ours in STATS_V3.items()}


def stat_values(all_: Mapping[str, int], names: str) -> dict[str, int]:
    """Return the gauges under the names of 3.0, of 3.2, or both (seed 002, GET /api/v3/stats; EMQ X 3.2)."""
    return spelled(names, lambda: renamed(all_, STATS_V3), lambda: renamed(all_, ONLY_3_2))


def list_stats(services: Services, call: Call) -> Answer:
    """Show the gauges of every node, beside its name."""
    return success(
        [{"node": node, **stat_values(all_, call.v3_names)} for node, all_ in services.stats.list()]
    )


def lookup_node_stats(services: Services, call: Call, node: str) -> Answer:
    """Show the gauges of one node."""
    return success(stat_values(services.stats.get(node), call.v3_names))


ENDPOINTS = (
    Endpoint(
        "v3:GET /nodes/{node}/stats",
        "lookup_node_stats",
        "GET",
        "/nodes/:node/stats/",
        lookup_node_stats,
        "A list of stats of a node",
    ),
    Endpoint(
        "v3:GET /stats",
        "list_stats",
        "GET",
        "/stats/",
        list_stats,
        "A list of stats of all nodes in the cluster",
    ),
)
