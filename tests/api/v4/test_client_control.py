"""ACL caches, limits, keepalive and restarts through the API."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.acl_cache import AclVerdict
from app.config import Rate

OFFLINE = {"code": 112, "message": "not_found"}
OK = {"code": 0}


def test_the_acl_cache_of_a_client_is_listed_and_cleared(api: Any) -> None:
    api.node.acl_verdicts = [
        AclVerdict("publish", "t/1", True, 1_582_180_824_571),
        AclVerdict("subscribe", "t/2", False, 1_582_180_824_000),
    ]
    assert api.get("/clients/c1/acl_cache")["data"] == [
        {
            "access": "publish",
            "topic": "t/1",
            "result": "allow",
            "updated_time": 1_582_180_824_571,
        },
        {
            "access": "subscribe",
            "topic": "t/2",
            "result": "deny",
            "updated_time": 1_582_180_824_000,
        },
    ]
    assert api.delete("/clients/c1/acl_cache") == OK
    assert api.node.commands[-1] == ("drain_acl_cache", "c1")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "acl_cache", None),
        ("DELETE", "acl_cache", None),
        ("POST", "ratelimit", {"conn_messages_in": "1,1s"}),
        ("DELETE", "ratelimit", None),
        ("POST", "quota", {"conn_messages_routing": "1,1s"}),
        ("DELETE", "quota", None),
        ("PUT", "keepalive", {"interval": 10}),
    ],
)
@pytest.mark.parametrize("clientid", ["nobody", "site%2F1%20%C3%BC"])
def test_who_is_not_connected_is_code_112(
    api: Any, method: str, path: str, body: Any, clientid: str
) -> None:
    answer = api.ask(method, f"/api/v4/clients/{clientid}/{path}", json=body)
    assert (answer.status_code, answer.json) == (200, OFFLINE)


@pytest.mark.parametrize("path", ["/acl-cache", "/nodes/{}/acl-cache", "/node/{}/acl-cache"])
def test_all_acl_caches_are_cleared_at_once(api: Any, path: str) -> None:
    assert api.delete(path.format(api.node.name)) == OK
    assert api.node.commands == [("drain_acl_caches",)]


def test_an_unknown_node_has_no_acl_caches(api: Any) -> None:
    assert api.ask("DELETE", "/api/v4/nodes/x@y/acl-cache").status_code == 404


def test_rates_reach_the_client(api: Any) -> None:
    body = {"conn_bytes_in": "100KB,10s", "conn_messages_in": "100,10s"}
    assert api.post("/clients/c1/ratelimit", body) == OK
    assert api.post("/clients/c1/ratelimit", {"conn_messages_in": "5,1m"}) == OK
    assert api.delete("/clients/c1/ratelimit") == OK
    assert api.node.commands == [
        ("limit_rate", "c1", Rate(100, 10.0), Rate(102_400, 10.0)),
        ("limit_rate", "c1", Rate(5, 60.0), None),
        ("limit_rate", "c1", None, None),
    ]


def test_a_quota_reaches_the_client(api: Any) -> None:
    assert api.post("/clients/c1/quota", {"conn_messages_routing": "100,10s"}) == OK
    assert api.delete("/clients/c1/quota") == OK
    assert api.node.commands == [
        ("limit_quota", "c1", Rate(100, 10.0)),
        ("limit_quota", "c1", None),
    ]


@pytest.mark.parametrize("kind", ["ratelimit", "quota"])
def test_without_a_limit_nothing_is_done(api: Any, kind: str) -> None:
    assert api.post(f"/clients/nobody/{kind}", {}) == OK
    assert api.node.commands == []


@pytest.mark.parametrize("value", ["fast", "", "0,10s", "10", "10,0s", 7, "10,1s,1s"])
def test_a_limit_that_cannot_be_read_is_code_108(api: Any, value: object) -> None:
    for kind, key in (("ratelimit", "conn_messages_in"), ("quota", "conn_messages_routing")):
        answer = api.post(f"/clients/c1/{kind}", {key: value})
        assert answer == {"code": 108, "message": "bad_params"}


@pytest.mark.parametrize("given", [10, "10"])
def test_a_keepalive_is_a_number_in_query_or_body(api: Any, given: object) -> None:
    assert api.put("/clients/c1/keepalive", {"interval": given}) == OK
    assert api.put("/clients/c1/keepalive?interval=20") == OK
    assert api.node.commands == [("set_keepalive", "c1", 10), ("set_keepalive", "c1", 20)]


def test_a_keepalive_is_checked_before_the_client(api: Any) -> None:
    path = "/clients/nobody/keepalive"
    assert api.put(path) == {"code": 107, "message": "params_not_found"}
    for wrong in (-1, 65_536):
        assert api.put(path, {"interval": wrong}) == {
            "code": 102,
            "message": "mqtt3.1.1 specification: keepalive must between 0~65535",
        }
    assert api.put(path, {"interval": "x"})["code"] == 108
    assert api.node.commands == []


def test_a_listener_is_restarted(api: Any) -> None:
    name = "mqtt:tcp:external"
    assert api.put(f"/listeners/{name}/restart") == OK
    assert api.put(f"/nodes/{api.node.name}/listeners/{name}/restart") == {
        "data": "Listener restarted.",
        "code": 0,
    }
    assert api.node.commands == [("restart_listener", name)] * 2


def test_a_listener_that_there_is_not_or_that_fails_is_told_without_a_code(api: Any) -> None:
    assert api.put("/listeners/mqtt:tcp:none/restart") == {"message": "{restart,[not_found]}"}
    api.node.failure = OSError(98, "Address already in use")
    answer = api.put("/listeners/mqtt:tcp:external/restart")
    assert answer == {"message": f'{{restart,[{{{api.node.name},"Address already in use"}}]}}'}


def test_an_http_listener_is_not_restarted(api: Any) -> None:
    answer = api.ask("PUT", "/api/v4/listeners/http:management/restart")
    assert (answer.status_code, answer.json) == (403, "http_listener_restart_unsupported")


@pytest.mark.parametrize("kind", ["present", "history"])
def test_alarms_answer_to_their_older_names(api: Any, kind: str) -> None:
    newer = {"present": "activated", "history": "deactivated"}[kind]
    assert api.get(f"/alarms/{kind}") == api.get(f"/alarms/{newer}")
    node = api.node.name
    assert api.get(f"/alarms/{kind}/{node}") == api.get(f"/nodes/{node}/alarms/{newer}")
