"""Gauges in the words of the second generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.slash_names import STATS_V2, renamed
from app.api.v2.dialect import success
from app.services import Services


def list_stats(services: Services, _call: Call) -> Answer:
    """Show the gauges of every node: one object a node, by its name."""
    return success([{node: renamed(all_, STATS_V2)} for node, all_ in services.stats.list()])


def lookup_node_stats(services: Services, _call: Call, node_name: str) -> Answer:
    """Show the gauges of one node."""
    return success(renamed(services.stats.get(node_name), STATS_V2))


ENDPOINTS = (
    Endpoint(
        "v2:GET /monitoring/stats",
        "list_stats",
        "GET",
        "monitoring/stats",
        list_stats,
        "A list of stats of the cluster",
    ),
    Endpoint(
        "v2:GET /monitoring/stats/{node_name}",
        "lookup_node_stats",
        "GET",
        "monitoring/stats/:node_name",
        lookup_node_stats,
        "A list of stats of a node",
    ),
)
