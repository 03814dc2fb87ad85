"""`GET /metrics`: what the node counts, where Prometheus looks unless it is told otherwise."""

from __future__ import annotations

from flask import Blueprint, Response

from app.api.blueprint import Guard
from app.services.prometheus import CONTENT_TYPE, PrometheusService


def create_blueprint(prometheus: PrometheusService, guard: Guard) -> Blueprint:
    """Return the blueprint; the guard knows whether a login is wanted."""
    blueprint = Blueprint("metrics", __name__)

    def metrics() -> Response:
        return Response(prometheus.text(), content_type=CONTENT_TYPE)

    blueprint.add_url_rule("/metrics", view_func=guard(metrics), provide_automatic_options=False)
    return blueprint
