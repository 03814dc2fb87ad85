"""The listing of all calls, made from the endpoint table; it does not list itself."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint, EndpointTable
from app.api.v3.dialect import success
from app.services import Services


def endpoints(table: EndpointTable) -> tuple[Endpoint, ...]:
    """Return the call that lists `table`."""
    answer = success(table.listing())

    def list_all_api(_services: Services, _call: Call) -> Answer:
        return answer

    return (
        Endpoint(
            id="v3:GET /",
            name="list_all_api",
            method="GET",
            path="/",
            handler=list_all_api,
            descr="List all APIs",
            listed=False,
        ),
    )
