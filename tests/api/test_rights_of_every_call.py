"""Every call of every generation in turn: what each permission lets through, and what is told of a change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from app.api import v2, v3, v4
from app.api.endpoint import Endpoint
from tests.api.contract import walk, walk_v2, walk_v3
from tests.api.contract.walk import Facts
from tests.harness.fake_nodes import NODE

TABLES = {"v2": v2.TABLE, "v3": v3.TABLE, "v4": v4.TABLE}
CALLS = [(version, one) for version, table in TABLES.items() for one in table]
FOR_ADMINISTRATORS = {"apps", "users", "data", "audit", "database"}
"""First words of paths that show who may do what, or secrets: not even to be read."""
PUBLISHING = {"mqtt/publish", "mqtt/publish_batch"}
FACTS = Facts(node=NODE, clientid="c1", username="u1", topic="a/b/c")


def path_of(version: str, endpoint: Endpoint) -> str:
    filled = re.sub(r":\w+", "x", endpoint.path.strip("/"))
    return f"/api/{version}/{filled}"


def is_allowed(permission: str, endpoint: Endpoint) -> bool:
    path = endpoint.path.strip("/")
    first = path.partition("/")[0]
    if permission == "full" or first == "emqx_prometheus":
        return True
    if permission == "publish_only":
        return path in PUBLISHING
    return endpoint.method == "GET" and first not in FOR_ADMINISTRATORS


@pytest.mark.parametrize("permission", ["read_only", "publish_only", "full"])
def test_a_permission_lets_its_calls_through_and_no_other(api: Any, permission: str) -> None:
    app = {"app_id": "tool", "name": "T", "status": True, "secret": "s", "permission": permission}
    assert api.post("/apps", app)["code"] == 0
    wrong = []
    for version, endpoint in CALLS:
        if "login" in endpoint.name or endpoint.path.strip("/") == "auth":
            continue
        path = path_of(version, endpoint)
        asked = {"auth": ("tool", "s"), "json": {}}
        status = api.ask(endpoint.method, path, **asked).status_code
        is_through = status not in (401, 403)
        if is_through != is_allowed(permission, endpoint):
            wrong.append(f"{endpoint.method} {path}: {status}")
    assert wrong == []


@pytest.mark.parametrize(("version", "follow"), [("v2", walk_v2), ("v3", walk_v3), ("v4", walk)])
def test_each_change_is_told_once_with_who_and_from_where(
    api: Any, version: str, follow: Any
) -> None:
    changes: dict[str, str] = {}

    def send(method: str, path: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        number = f"n{len(changes)}"
        answer = api.ask(method, path, data=body, headers={"X-Request-Id": number})
        if (method, path) == ("DELETE", "/api/v2/clients/c1"):
            api.node.client_records = []
        words = path.partition("?")[0].strip("/").split("/")[2:]
        has_changed = answer.status_code == 200 and answer.is_json and answer.json.get("code") == 0
        if method != "GET" and words[0] not in ("mqtt", "auth") and has_changed:
            changes[number] = f"{method} {path}"
        return answer.status_code, answer.headers, answer.data

    follow.walk(send, FACTS)
    rows = {row["request_id"]: row for row in api.get("/audit?_limit=10000")["data"]}
    assert len(changes) > 5
    assert [change for number, change in changes.items() if number not in rows] == []
    told = {(rows[one]["kind"], rows[one]["actor"], rows[one]["address"]) for one in changes}
    assert told == {("app", "admin", "127.0.0.1")}
