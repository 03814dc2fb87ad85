"""Where the nodes listen."""

from __future__ import annotations

from collections.abc import Sequence

from app.broker.records import ListenerRecord
from app.node.proxy import Nodes
from app.services.nodes import node_called


class ListenersService:
    """The listeners of the nodes."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(self) -> Sequence[tuple[str, list[ListenerRecord]]]:
        """Return every node's name and its listeners."""
        return [(node.name, node.listeners()) for node in self._nodes.all()]

    def get(self, node: str) -> Sequence[ListenerRecord]:
        """Return the listeners of one node.

        Raises:
            UnknownNode: There is no such node.
        """
        return node_called(self._nodes, node).listeners()
