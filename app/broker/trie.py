"""A trie of wildcard topic filters: values are found by topic name in steps of one level.

The walk visits only branches that can match; its cost grows with the levels of the topic, not with the filters.
"""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class _Node(Generic[V]):
    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[V]] = {}
        self.value: V | None = None


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
            child = node.children.get(level)
            if child is None:
                child = node.children[level] = _Node()
            node = child
        if node.value is None:
            self._len += 1
        node.value = value

    def remove(self, topic_filter: str) -> None:
        """Remove a filter and the branches that led only to it; a missing one is no error."""
        path: list[tuple[_Node[V], str]] = []
        node = self._root
        for level in topic_filter.split("/"):
            child = node.children.get(level)
            if child is None:
                return
            path.append((node, level))
            node = child
        if node.value is None:
            return
        node.value = None
        self._len -= 1
        for parent, level in reversed(path):
            child = parent.children[level]
            if child.children or child.value is not None:
                break
            del parent.children[level]

    def match(self, topic: str) -> list[V]:
        """Return the values of all filters that match a topic name."""
        found: list[V] = []
        levels = topic.split("/")
        nodes = [self._root]
        wildcards = not topic.startswith("$")  # [MQTT-4.7.2-1], the first level only
        for level in levels:
            following: list[_Node[V]] = []
            for node in nodes:
                children = node.children
                if wildcards:
                    rest = children.get("#")
                    if rest is not None and rest.value is not None:
                        found.append(rest.value)
                    single = children.get("+")
                    if single is not None:
                        following.append(single)
                exact = children.get(level)
                if exact is not None:
                    following.append(exact)
            if not following:
                return found
            nodes = following
            wildcards = True
        for node in nodes:
            if node.value is not None:
                found.append(node.value)
            parent_level = node.children.get("#")  # "sport/#" matches "sport" (4.7.1.2)
            if parent_level is not None and parent_level.value is not None:
                found.append(parent_level.value)
        return found
