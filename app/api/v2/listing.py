"""`GET /`: where the calls of EMQ 2 are, without a login (EMQ 2.3.11).

The dashboard's ports have something else to show there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import orjson
from flask import Response, request

from app.api.endpoint import EndpointTable


def listing(table: EndpointTable, dashboard_ports: Collection[str]) -> Callable[[], Response]:
    """Return the view.

    Args:
        table: Whose paths are shown, each once.
        dashboard_ports: Where it is not served.
    """
    base = table.base.strip("/")
    paths = dict.fromkeys(f"{base}/{endpoint.path.strip('/')}" for endpoint in table)
    body = orjson.dumps({"paths": list(paths)})

    def list_paths() -> Response:
        if request.environ.get("SERVER_PORT") in dashboard_ports:
            return Response("Not found.", 404, content_type="text/plain")
        return Response(body, content_type="application/json")

    return list_paths
