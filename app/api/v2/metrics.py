"""Counters in the words of the second generation."""

from __future__ import annotations

from collections import Counter

from app.api.endpoint import Answer, Call, Endpoint
from app.api.slash_names import METRICS_V2, renamed
from app.api.v2.dialect import success
from app.services import Services


def list_metrics(services: Services, _call: Call) -> Answer:
    """Show the counters of the cluster: the documents show one object without a node's name, so they are sums."""
    sums: Counter[str] = Counter()
    for _node, all_ in services.metrics.list():
        sums.update(renamed(all_, METRICS_V2))
    return success(sums)


def list_node_metrics(services: Services, _call: Call, node_name: str) -> Answer:
    """Show the counters of one node."""
    return success(renamed(services.metrics.get(node_name), METRICS_V2))


ENDPOINTS = (
    Endpoint(
        "v2:GET /monitoring/metrics",
        "list_metrics",
        "GET",
        "monitoring/metrics/",
        list_metrics,
        "A list of metrics of the cluster",
    ),
    Endpoint(
        "v2:GET /monitoring/metrics/{node_name}",
        "list_node_metrics",
        "GET",
        "monitoring/metrics/:node_name",
        list_node_metrics,
        "A list of metrics of a node",
    ),
)
