"""An endpoint table behind Flask: statuses of refusals, headers of answers."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g

from app.api import blueprint, minirest, raw_path
from app.api.endpoint import Answer, Endpoint, EndpointTable, Principal
from app.config import ManagementSettings
from app.errors import ResultCode, ServiceError
from app.services.nodes import UnknownNode
from app.services.refusals import WordedError

REFUSALS = {
    "offline": ServiceError(ResultCode.CLIENT_NOT_ONLINE),
    "bare": ServiceError(ResultCode.PLUGIN_NOT_LOADED, "module_not_loaded", bare=True),
    "worded": WordedError(ResultCode.NOT_FOUND, "NOT_FOUND", "t NOT FOUND"),
    "badrpc": ServiceError(ResultCode.BADRPC),
    "node": UnknownNode("x"),
}


def refuse(_services: Any, _call: Any, what: str) -> Answer:
    raise REFUSALS[what]


def attach(_services: Any, _call: Any) -> Answer:
    return Answer(b"zip", content_type="application/zip", headers=(("X-Name", "a.zip"),))


def guard(view: Any) -> Any:
    @wraps(view)
    def let_in(**path_params: str) -> Any:
        g.principal = Principal.APP
        return view(**path_params)

    return let_in


def client_of(**settings: Any) -> Any:
    table = EndpointTable.of(
        "/api/v4",
        (
            Endpoint("v4:GET /refuse/{what}", "refuse", "GET", "/refuse/:what", refuse, ""),
            Endpoint("v4:GET /attach", "attach", "GET", "/attach", attach, ""),
        ),
    )
    app = Flask(__name__)
    raw_path.install(app, table.raw_prefixes())
    limits = replace(ManagementSettings(), **settings)
    services: Any = SimpleNamespace()
    app.register_blueprint(
        blueprint.create_blueprint("v4", table, minirest.DIALECT, guard, services, limits)
    )
    return app.test_client()


@pytest.mark.parametrize(
    ("what", "strict", "body"),
    [
        ("offline", 404, {"code": 112, "message": "not_found"}),
        ("bare", 409, {"message": "module_not_loaded"}),
        ("worded", 404, {"code": "NOT_FOUND", "message": "t NOT FOUND"}),
        ("badrpc", 503, {"code": 101, "message": "badrpc"}),
    ],
)
def test_refusals_travel_with_200_unless_statuses_are_wanted(
    what: str, strict: int, body: dict[str, object]
) -> None:
    for is_strict, status in ((False, 200), (True, strict)):
        answer = client_of(strict_status=is_strict).get(f"/api/v4/refuse/{what}")
        assert (answer.status_code, answer.json) == (status, body)


def test_what_is_an_error_of_routing_has_its_status_anyway() -> None:
    for is_strict in (False, True):
        client = client_of(strict_status=is_strict)
        assert client.get("/api/v4/refuse/node").status_code == 404
        assert client.get("/api/v4/nothing").status_code == 404


def test_an_answer_may_have_headers() -> None:
    answer = client_of().get("/api/v4/attach")
    assert (answer.content_type, answer.headers["X-Name"], answer.data) == (
        "application/zip",
        "a.zip",
        b"zip",
    )
