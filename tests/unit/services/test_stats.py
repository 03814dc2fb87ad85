"""The nodes' gauges."""

from __future__ import annotations

import pytest

from app.services.nodes import UnknownNode
from app.services.stats import StatsService
from tests.harness.fake_nodes import FakeNode, FakeNodes


@pytest.fixture
def service():
    return StatsService(
        FakeNodes(
            FakeNode("a@h", stat_values={"routes.count": 1}),
            FakeNode("b@h", stat_values={"routes.count": 2}),
        )
    )


def test_every_node_is_listed(service):
    assert service.list() == [("a@h", {"routes.count": 1}), ("b@h", {"routes.count": 2})]


def test_one_node_is_asked_by_name(service):
    assert service.get("b@h") == {"routes.count": 2}


def test_an_unknown_node_is_refused(service):
    with pytest.raises(UnknownNode):
        service.get("nobody@h")
