"""Counters in the words of the third generation: EMQ X 3.0's with slashes, or 3.2's with dots."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.endpoint import Answer, Call, Endpoint
from app.api.slash_names import METRICS_V3, renamed, spelled
from app.api.v3.dialect import success
from app.services import Services

ONLY_3_2 = {
    "auth.mqtt.anonymous": ("client.auth.anonymous",),
    "messages.expired": METRICS_V3["messages/expired"],
    "messages.qos2.dropped": METRICS_V3["messages/qos2/dropped"],
    "messages.qos2.expired": METRICS_V3["messages/qos2/expired"],
}
"""Names with dots that EMQX 4 gave up."""


def metric_values(all_: Mapping[str, int], names: str) -> dict[str, int]:
    """Return the counters under the names of 3.0, of 3.2, or both (seed 002, GET /api/v3/metrics; EMQ X 3.2)."""
    return spelled(
        names, lambda: renamed(all_, METRICS_V3), lambda: {**all_, **renamed(all_, ONLY_3_2)}
    )


def list_all_metrics(services: Services, call: Call) -> Answer:
    """Show the counters of every node."""
    return success(
        [
            {"node": node, "metrics": metric_values(all_, call.v3_names)}
            for node, all_ in services.metrics.list()
        ]
    )


def list_node_metrics(services: Services, call: Call, node: str) -> Answer:
    """Show the counters of one node."""
    return success(metric_values(services.metrics.get(node), call.v3_names))


ENDPOINTS = (
    Endpoint(
        "v3:GET /nodes/{node}/metrics",
        "list_node_metrics",
        "GET",
        "/nodes/:node/metrics/",
        list_node_metrics,
        "A list of metrics of a node",
    ),
    Endpoint(
        "v3:GET /metrics",
        "list_all_metrics",
        "GET",
        "/metrics/",
        list_all_metrics,
        "A list of metrics of all nodes in the cluster",
    ),
)
