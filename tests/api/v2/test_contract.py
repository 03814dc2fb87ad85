"""Every documented call of the second generation fits its contract, and no call is served beside the table."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from app.api.v2 import TABLE
from tests.api.contract.check_contract import load
from tests.api.contract.walk import Facts
from tests.api.contract.walk_v2 import walk
from tests.harness.fake_nodes import NODE

BOOK = load("v2")


def test_every_call_in_every_spelling_fits_the_contract(api):
    def send(method: str, path: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        answer = api.ask(method, path, data=body)
        if (method, path) == ("DELETE", "/api/v2/clients/c1"):
            api.node.client_records = []
        return answer.status_code, answer.headers, answer.data

    assert walk(send, Facts(node=NODE, clientid="c1", username="u1", topic="a/b/c")) == []


@pytest.mark.parametrize("endpoint_id", list(BOOK.endpoints))
def test_each_documented_call_has_a_route(endpoint_id):
    assert TABLE[endpoint_id].method == BOOK.endpoints[endpoint_id]["method"]


def test_the_url_map_is_the_table_and_the_table_is_the_url_map(api):
    served = {
        (method, rule.rule.removeprefix("/api/v2"))
        for rule in api.app.url_map.iter_rules()
        if rule.endpoint.startswith("v2.") and rule.endpoint not in ("v2.unknown", "v2.listing")
        for method in rule.methods - {"HEAD"}
    }
    assert served == {(e.method, rule) for e in TABLE for rule in e.rules}


def test_the_root_tells_anybody_where_the_calls_are_at_the_dashboard_too(api):
    answer = api.ask("GET", "/", auth=None)
    assert "api/v2/management/nodes" in answer.json["paths"]
    assert len(answer.json["paths"]) == len({endpoint.path for endpoint in TABLE})
    wanting_json = {"Accept": "application/json"}
    there = api.ask("GET", "/", auth=None, base_url="http://localhost:18083", headers=wanting_json)
    assert there.json == answer.json
