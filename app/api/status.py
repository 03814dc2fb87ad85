"""`GET /status`, `/health/live` and `/health/ready`: how is the node? For load balancers and probes, without login.

The two lines and the statuses of the first are EMQX's to the byte (seed 004, GET /status); probes compare them. The
others are ours: 200 or 503, and a JSON object that says which check failed, not why.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from flask import Blueprint, Response

from app.services.health import HealthService
from app.services.nodes import NodesService

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def create_blueprint(nodes: NodesService, health: HealthService) -> Blueprint:
    """Return the blueprint; the node of this process is asked."""
    blueprint = Blueprint("status", __name__)

    def status() -> Response:
        name, running = nodes.status()
        word = "running" if running else "not_running"
        body = f"Node {name} is started\nemqx is {word}"
        return Response(body, 200 if running else 503, content_type="text/plain")

    def live() -> Response:
        return _verdict({"loop": health.is_live()})

    def ready() -> Response:
        return _verdict(health.ready())

    def other_method() -> Response:
        return Response("Not found.", 400, content_type="text/plain")

    blueprint.add_url_rule("/status", view_func=status, provide_automatic_options=False)
    blueprint.add_url_rule("/health/live", view_func=live)
    blueprint.add_url_rule("/health/ready", view_func=ready)
    blueprint.add_url_rule(
        "/status",
        view_func=other_method,
        methods=[method for method in _METHODS if method not in ("GET", "HEAD")],
        provide_automatic_options=False,
    )
    return blueprint


def _verdict(checks: Mapping[str, bool]) -> Response:
    is_well = all(checks.values())
    words = {name: "ok" if passed else "failing" for name, passed in checks.items()}
    body = orjson.dumps({"status": "ok" if is_well else "failing", "checks": words})
    return Response(body, 200 if is_well else 503, content_type="application/json")
