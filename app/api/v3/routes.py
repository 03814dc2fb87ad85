"""Routes in the words of the third generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v3.dialect import page, rows
from app.broker.records import RouteRecord
from app.services import Services


def route_row(route: RouteRecord) -> dict[str, object]:
    """Return one route as the API shows it; runs on the loop."""
    return {"topic": route.topic, "node": route.node}


def list_routes(services: Services, call: Call) -> Answer:
    """List the routing table."""
    asked = call.page()
    return page(services.routes.list(asked, route_row), asked)


def lookup_routes(services: Services, _call: Call, topic: str) -> Answer:
    """Look up the routes of exactly one topic filter, which may be written into the path as it is."""
    return rows(services.routes.lookup(topic, route_row))


ENDPOINTS = (
    Endpoint(
        "v3:GET /routes",
        "list_routes",
        "GET",
        "/routes/",
        list_routes,
        "List routes",
    ),
    Endpoint(
        "v3:GET /routes/{topic}",
        "lookup_routes",
        "GET",
        "/routes/:topic",
        lookup_routes,
        "Lookup routes to a topic",
        raw_tail=True,
    ),
)
