"""`GET /status`: is the node up? For load balancers and probes, without login.

The two lines and the statuses are EMQX's to the byte (seed 004, GET /status); probes compare them.
"""

from __future__ import annotations

from flask import Blueprint, Response

from app.services.nodes import NodesService

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def create_blueprint(nodes: NodesService) -> Blueprint:
    """Return the blueprint; the node of this process is asked."""
    blueprint = Blueprint("status", __name__)

    def status() -> Response:
        name, running = nodes.status()
        word = "running" if running else "not_running"
        body = f"Node {name} is started\nemqx is {word}"
        return Response(body, 200 if running else 503, content_type="text/plain")

    def other_method() -> Response:
        return Response("Not found.", 400, content_type="text/plain")

    blueprint.add_url_rule("/status", view_func=status, provide_automatic_options=False)
    blueprint.add_url_rule(
        "/status",
        view_func=other_method,
        methods=[method for method in _METHODS if method not in ("GET", "HEAD")],
        provide_automatic_options=False,
    )
    return blueprint
