"""Every documented call of the fourth generation fits its contract, and no other call is listed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from app.api.v4 import TABLE
from tests.api.contract.check_contract import load
from tests.api.contract.walk import Facts, in_scope, walk
from tests.harness.fake_nodes import NODE

BOOK = load()


def test_every_call_in_every_spelling_fits_the_contract(api):
    def send(method: str, path: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        answer = api.ask(method, path, data=body)
        return answer.status_code, answer.headers, answer.data

    assert walk(send, Facts(node=NODE, clientid="c1", username="u1", topic="a/b/c")) == []


@pytest.mark.parametrize("endpoint_id", [e["id"] for e in BOOK.endpoints.values() if in_scope(e)])
def test_each_documented_call_has_a_route(endpoint_id):
    if endpoint_id != "v4:GET /status":  # it stands outside of the generations
        assert TABLE[endpoint_id].method == BOOK.endpoints[endpoint_id]["method"]


def test_a_room_that_is_built_is_no_longer_left_out_of_the_contract_test():
    later = {e["id"] for e in BOOK.endpoints.values() if not in_scope(e)}
    assert [endpoint.id for endpoint in TABLE if endpoint.id in later] == []


def test_the_listing_is_the_table_and_the_table_is_the_listing(api):
    listed = [
        (row["name"], row["method"], row["path"], row["descr"]) for row in api.get("")["data"]
    ]
    table = [(e.name, e.method, e.path, e.descr) for e in TABLE if e.listed]
    assert listed == table


def test_the_url_map_is_the_table_and_the_table_is_the_url_map(api):
    served = {
        (method, rule.rule.removeprefix("/api/v4") or "/")
        for rule in api.app.url_map.iter_rules()
        if rule.endpoint.startswith("v4.") and rule.endpoint != "v4.unknown"
        for method in rule.methods - {"HEAD"}
    }
    assert served == {(e.method, rule) for e in TABLE for rule in e.rules}


def test_the_listing_keeps_emqx_s_odd_slashes(api):
    paths = {row["name"]: row["path"] for row in api.get("")["data"]}
    assert paths["list_node_clients"] == "nodes/:node/clients/"
    assert paths["list_all_metrics"] == "/metrics"
    assert paths["list_stats"] == "/stats/"
