"""Several nodes, asked as if they were one."""

from __future__ import annotations

import orjson
import pytest

from app.broker.records import RouteRecord
from app.node.proxy import PageRequest
from app.services.clients import ClientsService
from app.services.nodes import NodesService, UnknownNode, joined, node_called
from app.services.routes import RoutesService
from tests.harness.fake_nodes import FakeNode, FakeNodes, a_client


def row(record):
    return {"topic": record.topic}


def a_cluster(*sizes):
    nodes = [
        FakeNode(
            name=f"n{number}@host",
            route_records=[RouteRecord(f"{number}/{i}", f"n{number}@host") for i in range(size)],
        )
        for number, size in enumerate(sizes)
    ]
    return FakeNodes(*nodes)


@pytest.mark.parametrize("sizes", [(7,), (3, 4), (0, 7, 0), (1, 1, 5), (7, 0)])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10])
def test_pages_over_nodes_hold_every_row_once_and_in_order(sizes, limit):
    cluster = a_cluster(*sizes)
    service = RoutesService(cluster)
    found = []
    for page in range(1, 9):
        answer = service.list(PageRequest(page, limit), row)
        rows = orjson.loads(b"[%b]" % answer.rows)
        found += [one["topic"] for one in rows]
        assert answer.total == 7
        assert answer.hasnext == (page * limit < 7)
    assert found == [f"{n}/{i}" for n, size in enumerate(sizes) for i in range(size)]


def test_a_page_of_no_rows_still_counts():
    answer = RoutesService(a_cluster(2, 3)).list(PageRequest(1, 0), row)
    assert (answer.rows, answer.total, answer.hasnext) == (b"", 5, True)


def test_a_filter_leaves_the_whole_uncounted():
    cluster = FakeNodes(
        FakeNode("a@h", client_records=[a_client("x1"), a_client("y")]),
        FakeNode("b@h", client_records=[a_client("x2")]),
    )
    service = ClientsService(cluster)
    params = {"_like_clientid": "x"}
    answer = service.list(params, PageRequest(2, 1), lambda one: {"clientid": one.clientid})
    assert (answer.rows, answer.total, answer.hasnext) == (b'{"clientid":"x2"}', -1, False)


def test_nodes_are_found_by_name():
    cluster = a_cluster(1, 1)
    assert node_called(cluster, "n1@host").name == "n1@host"
    with pytest.raises(UnknownNode):
        NodesService(cluster).get("nobody@host")


def test_status_is_that_of_the_local_node():
    cluster = FakeNodes(FakeNode("a@h", running=False), FakeNode("b@h"))
    assert NodesService(cluster).status() == ("a@h", False)


def test_rows_of_several_nodes_are_joined_without_the_empty_ones():
    assert joined([b"", b"{}", b"", b"{}"]) == b"{},{}"
