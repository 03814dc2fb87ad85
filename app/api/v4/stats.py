"""Stats in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import success
from app.services import Services


def list_stats(services: Services, _call: Call) -> Answer:
    """Show the gauges of every node."""
    return success([{"node": node, "stats": all_} for node, all_ in services.stats.list()])


def lookup_node_stats(services: Services, _call: Call, node: str) -> Answer:
    """Show the gauges of one node."""
    return success(services.stats.get(node))


ENDPOINTS = (
    Endpoint(
        "v4:GET /stats",
        "list_stats",
        "GET",
        "/stats/",
        list_stats,
        "A list of stats of all nodes in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/stats",
        "lookup_node_stats",
        "GET",
        "/nodes/:node/stats/",
        lookup_node_stats,
        "A list of stats of a node",
    ),
)
