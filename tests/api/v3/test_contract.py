"""Every documented call of the third generation fits its contract, and no other call is listed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from app.api.v3 import TABLE
from tests.api.contract.check_contract import load
from tests.api.contract.walk import Facts
from tests.api.contract.walk_v3 import walk
from tests.harness.fake_nodes import NODE

BOOK = load("v3")


def test_every_call_in_every_spelling_fits_the_contract(api):
    def send(method: str, path: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        answer = api.ask(method, path, data=body)
        if (method, path) == ("DELETE", "/api/v3/connections/c1"):
            api.node.client_records = []
        return answer.status_code, answer.headers, answer.data

    assert walk(send, Facts(node=NODE, clientid="c1", username="u1", topic="a/b/c")) == []


@pytest.mark.parametrize("endpoint_id", list(BOOK.endpoints))
def test_each_documented_call_has_a_route(endpoint_id):
    assert TABLE[endpoint_id].method == BOOK.endpoints[endpoint_id]["method"]


def test_the_url_map_is_the_table_and_the_table_is_the_url_map(api):
    served = {
        (method, rule.rule.removeprefix("/api/v3") or "/")
        for rule in api.app.url_map.iter_rules()
        if rule.endpoint.startswith("v3.") and rule.endpoint != "v3.unknown"
        for method in rule.methods - {"HEAD"}
    }
    assert served == {(e.method, rule) for e in TABLE for rule in e.rules}


def test_the_listing_is_the_table_and_the_table_is_the_listing(api):
    answer = api.ask("GET", "/api/v3").json
    listed = [(row["name"], row["method"], row["path"], row["descr"]) for row in answer["data"]]
    assert listed == [(e.name, e.method, e.path, e.descr) for e in TABLE if e.listed]


def test_what_the_documents_list_is_listed_as_they_write_it(api):
    answer = api.ask("GET", "/api/v3").json
    served = {(row["name"], row["method"], row["path"]) for row in answer["data"]}
    documented = {
        (row["name"], row["method"], row["path"])
        for row in BOOK.endpoints["v3:GET /"]["response_example"]["data"]
    }
    assert documented - served == set()
