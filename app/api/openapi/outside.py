"""The calls that belong to no generation's table: for probes, for Prometheus, and for readers of documents."""

from __future__ import annotations

from app.api.openapi.document import Plain

_TEXT = "text/plain"
_JSON = "application/json"

OUTSIDE = (
    Plain(
        "/status",
        "GET",
        "status",
        "Whether the node is up, for load balancers and probes",
        {200: _TEXT, 503: _TEXT},
    ),
    *(
        Plain("/status", method, f"status_{method.lower()}", "Refused: only GET asks", {400: _TEXT})
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS")
    ),
    Plain(
        "/health/live",
        "GET",
        "health_live",
        "Whether the node's loop answers; start it anew where it does not",
        {200: _JSON, 503: _JSON},
    ),
    Plain(
        "/health/ready",
        "GET",
        "health_ready",
        "Whether clients can be sent here: listeners, storage and database work, and nobody is turned away",
        {200: _JSON, 503: _JSON},
    ),
    Plain(
        "/metrics",
        "GET",
        "metrics",
        "What the node counts, for Prometheus",
        {200: _TEXT, 401: _TEXT, 403: _TEXT, 429: _TEXT},
    ),
    Plain(
        "/",
        "GET",
        "v2_paths",
        "Where the calls of EMQ 2 are, for whoever does not ask for a page: the dashboard is there too",
        {200: _JSON},
    ),
    Plain("/api/docs", "GET", "docs", "This description as a page", {200: "text/html"}),
    Plain("/api/docs/openapi.json", "GET", "docs_all", "All calls as OpenAPI", {200: _JSON}),
    Plain(
        "/api/docs/{generation}/openapi.json",
        "GET",
        "docs_of_one",
        "The calls of one generation (v4, v3 or v2) as OpenAPI",
        {200: _JSON, 404: _TEXT},
    ),
    Plain("/api/docs/docs.css", "GET", "docs_css", "How the page looks", {200: "text/css"}),
    Plain("/api/docs/docs.js", "GET", "docs_js", "What the page does", {200: "text/javascript"}),
    Plain("/api/docs/godwit.svg", "GET", "docs_logo", "The bird", {200: "image/svg+xml"}),
)
