"""Whatever a caller of the older generations sends is never answered as a fault of ours."""

from __future__ import annotations

import re

import pytest

from app.api import v2, v3
from tests.harness.fake_nodes import NODE

VALID = {
    "topic": "t",
    "payload": "x",
    "qos": 1,
    "retain": False,
    "client_id": "c1",
    "who": "x",
    "as": "client_id",
    "reason": "y",
    "until": 2**31,
    "app_id": "a",
    "name": "n",
    "status": True,
    "tags": "user",
    "key": "mqtt.max_topic_levels",
    "value": "9",
    "active": True,
}
LONG = "x" * 70_000
ODD_VALUES = (None, True, -1, 1e300, 2**70, "", "\0", "\ud800", "#", "é", LONG, [], {}, [{}])
ODD_BODIES = [{**VALID, name: value} for name in VALID for value in ODD_VALUES]
ENDPOINTS = [(one.TABLE.base, endpoint) for one in (v2, v3) for endpoint in one.TABLE]


def path_of(endpoint, node, segment):
    return re.sub(r":\w+", segment, re.sub(r":node\w*", node, endpoint.path.strip("/")))


@pytest.mark.parametrize("node_name", [NODE, "nobody@nowhere"])
@pytest.mark.parametrize("segment", ["c1", "%00", "%ff", "a%2Fb", "$share%2Fg", "x" * 5_000])
def test_odd_paths(api, node_name, segment):
    for base, endpoint in ENDPOINTS:
        answer = api.ask(endpoint.method, f"{base}/{path_of(endpoint, node_name, segment)}")
        assert answer.status_code < 500, (endpoint.id, answer.data)


@pytest.mark.parametrize("body", [None, [], [[]], "text", 7, [dict.fromkeys(VALID)]])
def test_bodies_of_another_shape(api, body):
    for base, endpoint in ENDPOINTS:
        path = path_of(endpoint, NODE, "admin")
        answer = api.ask(endpoint.method, f"{base}/{path}", json=body)
        assert answer.status_code < 500, (endpoint.id, answer.data)


def test_bodies_with_one_odd_member(api):
    for base, endpoint in ENDPOINTS:
        path = path_of(endpoint, NODE, "c1")
        # Passwords are hashed slowly, and have tests of their own.
        for body in ODD_BODIES if endpoint.method == "POST" and "auth" not in path else ():
            sent = [body] if path.endswith("batch") else body
            answer = api.ask(endpoint.method, f"{base}/{path}", json=sent)
            assert answer.status_code < 500, (endpoint.id, body, answer.data)


@pytest.mark.parametrize(
    "query", ["x", "_page=9e9", "_limit=%00", "curr_page=99999999999999999999"]
)
def test_odd_queries(api, query):
    for base, endpoint in ENDPOINTS:
        if endpoint.method == "GET":
            answer = api.ask("GET", f"{base}/{path_of(endpoint, NODE, 'c1')}?{query}")
            assert answer.status_code < 500, (endpoint.id, answer.data)
