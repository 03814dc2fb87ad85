"""Metrics in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import success
from app.services import Services


def list_all_metrics(services: Services, _call: Call) -> Answer:
    """Show the counters of every node."""
    return success([{"node": node, "metrics": all_} for node, all_ in services.metrics.list()])


def list_node_metrics(services: Services, _call: Call, node: str) -> Answer:
    """Show the counters of one node."""
    return success(services.metrics.get(node))


ENDPOINTS = (
    Endpoint(
        "v4:GET /metrics",
        "list_all_metrics",
        "GET",
        "/metrics",
        list_all_metrics,
        "A list of metrics of all nodes in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/metrics",
        "list_node_metrics",
        "GET",
        "/nodes/:node/metrics",
        list_node_metrics,
        "A list of metrics of a node",
    ),
)
