"""The nodes of the cluster: finding one by name, asking all of them as if they were one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import orjson

from app.broker.records import NodeRecord
from app.node.proxy import NodeProxy, Nodes, PageRequest, RowsPage


class UnknownNode(Exception):
    """A path names a node that the cluster does not have."""

    def __init__(self, name: str) -> None:
        """Keep the name that was asked for."""
        self.name = name
        super().__init__(f"no node is called {name}")


class NodesService:
    """How the nodes fare."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def status(self) -> tuple[str, bool]:
        """Return the name of the node of this process, and whether its broker runs."""
        return self._nodes.local.name, self._nodes.local.is_running()

    def list(self) -> Sequence[NodeRecord]:
        """Return every node."""
        return [node.node_info() for node in self._nodes.all()]

    def get(self, name: str) -> NodeRecord:
        """Return one node.

        Raises:
            UnknownNode: There is no such node.
        """
        return node_called(self._nodes, name).node_info()


def node_called(nodes: Nodes, name: str) -> NodeProxy:
    """Return the node of that name.

    Raises:
        UnknownNode: There is no such node.
    """
    node = nodes.get(name)
    if node is None:
        raise UnknownNode(name)
    return node


def joined(rows: Iterable[bytes]) -> bytes:
    """Join encoded rows of several nodes."""
    return b",".join(part for part in rows if part)


def page_over(
    nodes: Nodes, page: PageRequest, ask: Callable[[NodeProxy, PageRequest], RowsPage]
) -> RowsPage:
    """Return one page of a list that goes over all nodes, one after the other.

    A single node answers its page itself. Of several, each is asked for all that may still be needed and the rows are
    cut here: dear for late pages, but right, also where a filter leaves a node's total unknown.

    Args:
        nodes: The cluster.
        page: Which rows of the whole list.
        ask: How one node is asked for a page of its own list.
    """
    everybody = nodes.all()
    if len(everybody) == 1:
        return ask(everybody[0], page)
    first, last = page.start, page.end
    rows: list[object] = []
    total, seen, hasnext = 0, 0, False
    for node in everybody:
        answer = ask(node, replace(page, page=1, limit=max(last - seen, 0)))
        found = orjson.loads(b"[%b]" % answer.rows)
        rows += found[max(first - seen, 0) :]
        seen += len(found)
        hasnext = hasnext or answer.hasnext
        total = -1 if total < 0 or answer.total < 0 else total + answer.total
    return RowsPage(rows=orjson.dumps(rows)[1:-1], total=total, hasnext=hasnext)
