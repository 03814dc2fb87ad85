"""The nodes' alarms."""

from __future__ import annotations

import pytest

from app.broker.alarms import AlarmRecord
from app.errors import ResultCode, ServiceError
from app.services.alarms import AlarmsService, Which
from app.services.nodes import UnknownNode
from tests.harness.fake_nodes import FakeNode, FakeNodes

ACTIVE = AlarmRecord("hot", "it is hot", 1_000_000)
PAST = AlarmRecord("cold", "it was cold", 1_000_000, deactivate_at_us=3_000_000)


@pytest.fixture
def nodes():
    return FakeNodes(FakeNode("a@h", alarm_records=[PAST, ACTIVE]), FakeNode("b@h"))


@pytest.fixture
def service(nodes):
    return AlarmsService(nodes)


@pytest.mark.parametrize(
    ("which", "alarms"),
    [(Which.ALL, [ACTIVE, PAST]), (Which.ACTIVATED, [ACTIVE]), (Which.DEACTIVATED, [PAST])],
)
def test_alarms_are_listed_by_node_the_active_ones_first(service, which, alarms):
    assert service.list(which) == [("a@h", alarms), ("b@h", [])]
    assert service.get("a@h", which) == alarms


def test_an_active_alarm_can_be_ended(service, nodes):
    service.deactivate({"node": "a@h", "name": "hot"})
    assert nodes.local.commands == [("deactivate_alarm", "hot")]


@pytest.mark.parametrize(
    ("params", "code", "message", "bare"),
    [
        ({"node": "a@h", "name": "cold"}, ResultCode.NOT_FOUND, "not_found", True),
        ({"node": "x@h", "name": "hot"}, ResultCode.BADRPC, "nodedown", True),
        (
            {"node": "a@h"},
            ResultCode.MISSING_PARAMETER,
            "missing mandatory params: ['node', 'name']",
            False,
        ),
    ],
)
def test_what_cannot_be_ended_is_refused(service, params, code, message, bare):
    with pytest.raises(ServiceError) as refused:
        service.deactivate(params)
    assert (refused.value.code, refused.value.message, refused.value.bare) == (code, message, bare)


def test_a_name_that_is_no_text_is_refused(service):
    with pytest.raises(ServiceError) as refused:
        service.deactivate({"node": "a@h", "name": 1})
    assert refused.value.code == ResultCode.BAD_PARAMETER


def test_the_past_of_one_node_or_of_all_can_be_forgotten(service, nodes):
    service.delete_deactivated("b@h")
    assert [node.commands for node in nodes.all()] == [[], [("delete_deactivated_alarms",)]]
    service.delete_deactivated()
    assert [len(node.commands) for node in nodes.all()] == [1, 2]


def test_an_unknown_node_is_refused(service):
    with pytest.raises(UnknownNode):
        service.get("nobody@h", Which.ALL)
    with pytest.raises(UnknownNode):
        service.delete_deactivated("nobody@h")
