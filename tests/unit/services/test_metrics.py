"""The nodes' counters."""

from __future__ import annotations

import pytest

from app.services.metrics import MetricsService
from app.services.nodes import UnknownNode
from tests.harness.fake_nodes import FakeNode, FakeNodes


@pytest.fixture
def service():
    return MetricsService(
        FakeNodes(
            FakeNode("a@h", metric_values={"bytes.sent": 1}),
            FakeNode("b@h", metric_values={"bytes.sent": 2}),
        )
    )


def test_every_node_is_listed(service):
    assert service.list() == [("a@h", {"bytes.sent": 1}), ("b@h", {"bytes.sent": 2})]


def test_one_node_is_asked_by_name(service):
    assert service.get("b@h") == {"bytes.sent": 2}


def test_an_unknown_node_is_refused(service):
    with pytest.raises(UnknownNode):
        service.get("nobody@h")
