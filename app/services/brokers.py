"""Basic facts about the nodes as brokers: version, age, local time."""

from __future__ import annotations

from collections.abc import Sequence

from app.broker.records import BrokerRecord
from app.node.proxy import Nodes
from app.services.nodes import node_called


class BrokersService:
    """What the nodes say about themselves."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(self) -> Sequence[BrokerRecord]:
        """Return every broker of the cluster."""
        return [node.broker_info() for node in self._nodes.all()]

    def get(self, node: str) -> BrokerRecord:
        """Return one broker.

        Raises:
            UnknownNode: There is no such node.
        """
        return node_called(self._nodes, node).broker_info()
