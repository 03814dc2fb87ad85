"""A trie of wildcard topic filters: values are found by topic name in steps of one level.

The walk visits only branches that can match; its cost grows with the levels of the topic, not with the filters.
Wildcards are fields of a node instead of entries in its dictionary, so that a filter's last levels cost one small
node, and a walk makes no lists but where it forks.
"""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class _Node(Generic[V]):
    __slots__ = ("below", "children", "single", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[V]] | None = None
        """By the next level's name; made when first needed."""
        self.single: _Node[V] | None = None
        """For `+` at the next level."""
        self.value: V | None = None
        """Of the filter that ends here."""
        self.below: V | None = None
        """Of the filter that ends here with `/#`."""

    def is_empty(self) -> bool:
        return (
            not self.children and self.single is None and self.value is None and self.below is None
        )


class Trie(Generic[V]):
    """Values by topic filter."""

    def __init__(self) -> None:
        """Start empty."""
        self._root: _Node[V] = _Node()
        self._len = 0

    def __len__(self) -> int:
        """Return how many filters have a value."""
        return self._len

    def insert(self, topic_filter: str, value: V) -> None:
        """Set the value of a filter."""
        node = self._root
        for level in topic_filter.split("/"):
            if level == "#":  # always the last level [MQTT-4.7.1-1]
                self._len += node.below is None
                node.below = value
                return
            node = self._child(node, level)
        self._len += node.value is None
        node.value = value

    @staticmethod
    def _child(node: _Node[V], level: str) -> _Node[V]:
        """Return the node of the next level, made where it is missing."""
        if level == "+":
            if node.single is None:
                node.single = _Node()
            return node.single
        if node.children is None:
            node.children = {}
        child = node.children.get(level)
        if child is None:
            child = node.children[level] = _Node()
        return child

    def remove(self, topic_filter: str) -> None:
        """Remove a filter and the branches that led only to it; a missing one is no error."""
        path: list[tuple[_Node[V], str]] = []
        node = self._root
        levels = topic_filter.split("/")
        ends_below = levels[-1] == "#"
        for level in levels[:-1] if ends_below else levels:
            child = node.single if level == "+" else (node.children or {}).get(level)
            if child is None:
                return
            path.append((node, level))
            node = child
        if (node.below if ends_below else node.value) is None:
            return
        if ends_below:
            node.below = None
        else:
            node.value = None
        self._len -= 1
        self._prune(path, node)

    @staticmethod
    def _prune(path: list[tuple[_Node[V], str]], node: _Node[V]) -> None:
        """Take out the nodes that lead to nothing any more, from the end of a path up."""
        for parent, level in reversed(path):
            if not node.is_empty():
                return
            if level == "+":
                parent.single = None
            elif parent.children is not None:
                del parent.children[level]
                if not parent.children:
                    parent.children = None
            node = parent

    def match(self, topic: str) -> list[V]:
        """Return the values of all filters that match a topic name."""
        found: list[V] = []
        levels = topic.split("/")
        end = len(levels)
        node: _Node[V] | None = self._root
        depth = 0
        if topic[0] == "$":  # [MQTT-4.7.2-1] no wildcard stands for the first level
            node = (self._root.children or {}).get(levels[0])
            depth = 1
        forks: list[tuple[_Node[V], int]] = []
        while node is not None:
            # One branch to its end, with the branches that leave it noted.
            while depth < end:
                if node.below is not None:
                    found.append(node.below)
                exact = node.children.get(levels[depth]) if node.children is not None else None
                depth += 1
                if exact is None:
                    node = node.single
                    if node is None:
                        break
                else:
                    if node.single is not None:
                        forks.append((node.single, depth))
                    node = exact
            else:
                if node.value is not None:
                    found.append(node.value)
                if node.below is not None:  # "sport/#" matches "sport" (4.7.1.2)
                    found.append(node.below)
            node, depth = forks.pop() if forks else (None, 0)
        return found
