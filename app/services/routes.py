"""Routes: which topic filters lead to which nodes."""

from __future__ import annotations

from app.node.proxy import Nodes, PageRequest, RouteRow, RowsPage
from app.services.nodes import joined, page_over


class RoutesService:
    """The routing table of the cluster. Rows come back encoded, as JSON objects joined by commas."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(self, page: PageRequest, row: RouteRow) -> RowsPage:
        """Return a page of the routes of all nodes."""
        return page_over(self._nodes, page, lambda node, part: node.routes(part, row))

    def lookup(self, topic: str, row: RouteRow) -> bytes:
        """Return the routes of exactly that topic filter; wildcards are not tried out."""
        return joined(node.route(topic, row) for node in self._nodes.all())
