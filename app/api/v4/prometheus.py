"""What a node counts, as EMQX's Prometheus plugin shows it."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import success
from app.services import Services
from app.services.query import one_of

_read_type = one_of("json", "prometheus")


def stats(services: Services, call: Call) -> Answer:
    """Show everything that is counted, in groups or as Prometheus reads it (EMQX 4.4, `?type=`)."""
    if _read_type(call.params.get("type", "json")) == "json":
        return success(services.prometheus.groups())
    return Answer(services.prometheus.text().encode(), content_type="text/plain")


ENDPOINTS = (
    Endpoint(
        "v4:GET /emqx_prometheus",
        "stats",
        "GET",
        "/emqx_prometheus",
        stats,
        "Get emqx all stats info",
        plugin="emqx_prometheus",
    ),
)
