"""`GET /`: where the calls of EMQ 2 are, without a login (EMQ 2.3.11).

Browsers do not come here: the dashboard answers whoever asks for a page.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson
from flask import Response

from app.api.endpoint import EndpointTable


def listing(table: EndpointTable) -> Callable[[], Response]:
    """Return the view; it shows the paths of the table, each once."""
    base = table.base.strip("/")
    paths = dict.fromkeys(f"{base}/{endpoint.path.strip('/')}" for endpoint in table)
    body = orjson.dumps({"paths": list(paths)})

    def list_paths() -> Response:
        return Response(body, content_type="application/json")

    return list_paths
