"""Filters on clients, and clients that several nodes may have."""

from __future__ import annotations

from app.node.proxy import ClientQuery, PageRequest
from app.services.clients import FILTERS, ClientsService, client_query
from tests.harness.fake_nodes import FakeNode, FakeNodes, a_client


def test_every_filter_has_its_parameter():
    assert sorted(ClientQuery.__dataclass_fields__) == sorted(row.field for row in FILTERS)


def test_parameters_that_are_no_filters_ask_for_nothing():
    assert client_query({"_page": "1", "colour": "red"}) == ClientQuery()


def test_a_vague_filter_gives_way_to_an_exact_one():
    params = {"username": "u", "_like_username": "v", "_like_clientid": "c"}
    assert client_query(params) == ClientQuery(username="u", like_clientid="c")


def test_a_number_of_a_body_may_stand_for_its_digits():
    assert client_query({"clientid": 5, "proto_ver": 4}) == ClientQuery(clientid="5", proto_ver=4)


def test_every_node_is_told_to_kick():
    first, second = FakeNode("a@h", client_records=[a_client("c")]), FakeNode("b@h")
    service = ClientsService(FakeNodes(first, second))
    assert service.kick("c") is True
    assert service.kick("d") is False
    assert first.commands == second.commands == [("kick", "c"), ("kick", "d")]


def test_a_client_is_looked_for_on_every_node():
    nodes = FakeNodes(
        FakeNode("a@h", client_records=[a_client("c", username="u")]),
        FakeNode("b@h", client_records=[a_client("c", username="u")]),
    )
    service = ClientsService(nodes)

    def row(record):
        return {"clientid": record.clientid}

    assert service.lookup("c", row) == b'{"clientid":"c"},{"clientid":"c"}'
    assert service.lookup_username("u", row) == b'{"clientid":"c"},{"clientid":"c"}'
    assert service.lookup_on("b@h", "c", row) == b'{"clientid":"c"}'


def test_connections_of_several_nodes_are_counted_over_all():
    first = FakeNode("a@h", client_records=[a_client("c"), a_client("d", connected=False)])
    second = FakeNode("b@h", client_records=[a_client("e")])
    service = ClientsService(FakeNodes(first, second))

    def row(client):
        return {"id": client.clientid}

    page = service.connections(PageRequest(1, 10), row)
    assert (page.rows, page.total) == (b'{"id":"c"},{"id":"e"}', 2)
    assert service.connections(PageRequest(1, 10), row, "b@h").total == 1
    assert service.connection("d", row) == b""
    assert service.connection("e", row) == b'{"id":"e"}'


def test_a_client_that_is_away_is_not_kicked_as_a_connection():
    node = FakeNode(client_records=[a_client("c"), a_client("d", connected=False)])
    service = ClientsService(FakeNodes(node))
    assert (service.kick_connected("c"), service.kick_connected("d")) == (True, False)
    assert ("kick", "d") not in node.commands
