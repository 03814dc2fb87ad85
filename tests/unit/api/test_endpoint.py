"""Endpoints and their table."""

from __future__ import annotations

import pytest

from app.api.endpoint import Answer, Endpoint, EndpointTable


def an_endpoint(path, endpoint_id="x", **options):
    return Endpoint(endpoint_id, "name", "GET", path, lambda *_: Answer(b""), "descr", **options)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/", "/"),
        ("/clients/", "/clients"),
        ("nodes/:node/clients/", "/nodes/<segment:node>/clients"),
        ("/clients/username/:username", "/clients/username/<segment:username>"),
        ("/banned/:as/:who", "/banned/<segment:as_>/<segment:who>"),
    ],
)
def test_the_rule_is_derived_from_the_path_as_emqx_lists_it(path, rule):
    assert an_endpoint(path).rules == (rule,)


def test_a_raw_tail_is_a_topic_and_only_the_last_parameter_is():
    (rule,) = an_endpoint("/nodes/:node/routes/:topic", raw_tail=True).rules
    assert rule == "/nodes/<segment:node>/routes/<topic:topic>"


def test_spellings_that_differ_by_slashes_are_one_rule():
    endpoint = an_endpoint("/rules/", spellings=("/rules", "rules/", "/all_rules"))
    assert endpoint.rules == ("/rules", "/all_rules")


def test_the_table_keeps_its_order_and_finds_by_id():
    first, second = an_endpoint("/b", "2"), an_endpoint("/a", "1")
    table = EndpointTable.of("/api/v9", [first], [second])
    assert (list(table), len(table), table["1"]) == ([first, second], 2, second)


def test_the_listing_leaves_out_what_is_not_listed():
    table = EndpointTable.of(
        "/api/v9", [an_endpoint("/a", "1"), an_endpoint("/b", "2", listed=False)]
    )
    assert table.listing() == [{"name": "name", "method": "GET", "path": "/a", "descr": "descr"}]


def test_two_endpoints_for_one_call_are_refused():
    with pytest.raises(AssertionError, match="share a method and a path"):
        EndpointTable.of("/api/v9", [an_endpoint("/a", "1"), an_endpoint("/a/", "2")])
    with pytest.raises(AssertionError, match="used twice"):
        EndpointTable.of("/api/v9", [an_endpoint("/a"), an_endpoint("/b")])


def test_raw_prefixes_are_the_paths_before_a_raw_tail():
    table = EndpointTable.of(
        "/api/v3", [an_endpoint("/a", "1"), an_endpoint("/routes/:topic", "2", raw_tail=True)]
    )
    assert table.raw_prefixes() == (("api", "v3", "routes"),)
