"""The nodes' counters, under EMQX's names; a node knows all of them, none is filled in here."""

from __future__ import annotations

from collections.abc import Sequence

from app.node.proxy import Nodes
from app.services.nodes import node_called


class MetricsService:
    """What the nodes count."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(self) -> Sequence[tuple[str, dict[str, int]]]:
        """Return every node's name and its counters."""
        return [(node.name, node.metrics()) for node in self._nodes.all()]

    def get(self, node: str) -> dict[str, int]:
        """Return the counters of one node.

        Raises:
            UnknownNode: There is no such node.
        """
        return node_called(self._nodes, node).metrics()
