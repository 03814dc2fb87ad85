"""Routes in the words of the second generation; EMQ 2.1 calls them routers."""

from __future__ import annotations

from collections.abc import Iterator

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v2.dialect import asked_page, objects, page
from app.broker.records import RouteRecord
from app.services import Services


def route_row(route: RouteRecord) -> dict[str, object]:
    """Return one route as the API shows it; runs on the loop (seed 003, GET /api/v2/routes)."""
    return {"topic": route.topic, "node": route.node}


def list_routes(services: Services, call: Call) -> Answer:
    """List the routing table."""
    asked = asked_page(call)
    return page(services.routes.list(asked, route_row), asked)


def lookup_routes(services: Services, _call: Call, topic: str) -> Answer:
    """Look up the routes of exactly one topic filter, which may be written into the path as it is."""
    return objects(services.routes.lookup(topic, route_row))


def _endpoints() -> Iterator[Endpoint]:
    for word in ("routes", "routers"):
        yield Endpoint(
            f"v2:GET /{word}", f"list_{word}", "GET", word, list_routes, "List the routing table"
        )
        yield Endpoint(
            f"v2:GET /{word}/{{topic}}",
            f"lookup_{word}",
            "GET",
            f"{word}/:topic",
            lookup_routes,
            "Lookup routes to a topic",
            raw_tail=True,
        )


ENDPOINTS = tuple(_endpoints())
