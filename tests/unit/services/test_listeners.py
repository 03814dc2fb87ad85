"""Where the nodes listen."""

from __future__ import annotations

import pytest

from app.services.listeners import ListenersService
from app.services.nodes import UnknownNode
from tests.harness.fake_nodes import FakeNode, FakeNodes, a_listener


@pytest.fixture
def service():
    return ListenersService(FakeNodes(FakeNode("a@h"), FakeNode("b@h", listener_records=[])))


def test_every_node_is_listed(service):
    assert service.list() == [("a@h", [a_listener()]), ("b@h", [])]


def test_one_node_is_asked_by_name(service):
    assert service.get("b@h") == []


def test_an_unknown_node_is_refused(service):
    with pytest.raises(UnknownNode):
        service.get("nobody@h")
