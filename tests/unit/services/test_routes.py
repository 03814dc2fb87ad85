"""The routing table."""

from __future__ import annotations

from app.broker.records import RouteRecord
from app.node.proxy import PageRequest
from app.services.routes import RoutesService
from tests.harness.fake_nodes import FakeNode, FakeNodes

NODES = FakeNodes(
    FakeNode("a@h", route_records=[RouteRecord("t/+", "a@h")]),
    FakeNode("b@h", route_records=[RouteRecord("t/+", "b@h"), RouteRecord("u", "b@h")]),
)


def row(route):
    return {"topic": route.topic, "node": route.node}


def test_a_topic_filter_leads_to_every_node_that_has_it():
    found = RoutesService(NODES).lookup("t/+", row)
    assert found == b'{"topic":"t/+","node":"a@h"},{"topic":"t/+","node":"b@h"}'


def test_a_lookup_is_exact():
    assert RoutesService(NODES).lookup("t/x", row) == b""


def test_the_list_goes_over_all_nodes():
    assert RoutesService(NODES).list(PageRequest(1, 10), row).total == 3
