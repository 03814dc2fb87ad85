"""The nodes' alarms: what is wrong, what was, and how an operator ends or forgets it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from app.broker.alarms import AlarmRecord
from app.errors import ResultCode, ServiceError
from app.node.proxy import NodeProxy, Nodes
from app.schemas.alarm import AlarmDeactivate
from app.services.nodes import node_called


class Which(Enum):
    """Which alarms are meant."""

    ALL = "all"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"


class AlarmsService:
    """Shows alarms, ends them, forgets them."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(self, which: Which) -> Sequence[tuple[str, Sequence[AlarmRecord]]]:
        """Return every node's name and its alarms."""
        return [(node.name, _alarms(node, which)) for node in self._nodes.all()]

    def get(self, node: str, which: Which) -> Sequence[AlarmRecord]:
        """Return the alarms of one node, the active ones first.

        Raises:
            UnknownNode: There is no such node.
        """
        return _alarms(node_called(self._nodes, node), which)

    def deactivate(self, params: dict[str, object]) -> None:
        """End an alarm.

        Args:
            params: `node` and `name`.

        Raises:
            ServiceError: A member is missing or wrong, there is no such node, the alarm is not active, or the node
                did not answer in time.
        """
        values = AlarmDeactivate().read(params)
        node = self._nodes.get(values["node"])
        if node is None:
            raise ServiceError(ResultCode.BADRPC, "nodedown", bare=True)
        if not node.deactivate_alarm(values["name"]):
            raise ServiceError(ResultCode.NOT_FOUND, "not_found", bare=True)

    def delete_deactivated(self, node: str | None = None) -> None:
        """Forget the past alarms of a node, or of all.

        Raises:
            UnknownNode: There is no such node.
        """
        nodes = self._nodes.all() if node is None else (node_called(self._nodes, node),)
        for one in nodes:
            one.delete_deactivated_alarms()


def _alarms(node: NodeProxy, which: Which) -> Sequence[AlarmRecord]:
    found: list[AlarmRecord] = []
    if which is not Which.DEACTIVATED:
        found += node.activated_alarms()
    if which is not Which.ACTIVATED:
        found += node.deactivated_alarms()
    return found
