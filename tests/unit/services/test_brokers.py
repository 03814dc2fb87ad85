"""What the nodes say about themselves."""

from __future__ import annotations

import pytest

from app.services.brokers import BrokersService
from app.services.nodes import UnknownNode
from tests.harness.fake_nodes import FakeNode, FakeNodes


@pytest.fixture
def service():
    return BrokersService(FakeNodes(FakeNode("a@h"), FakeNode("b@h")))


def test_every_node_is_listed(service):
    assert [one.node for one in service.list()] == ["a@h", "b@h"]


def test_one_node_is_asked_by_name(service):
    assert service.get("b@h").node == "b@h"


def test_an_unknown_node_is_refused(service):
    with pytest.raises(UnknownNode):
        service.get("nobody@h")
