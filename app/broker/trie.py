"""A trie of wildcard topic filters: values are found by topic name in steps of one level.

The walk visits only branches that can match; its cost grows with the levels of the topic, not with the filters.
Wildcards are fields of a node instead of entries in its dictionary, and a branch that leads to one filter only is one
node that keeps the rest of the filter: what a device is subscribed to below its own name costs one small object, and
a walk reads that instead of a chain of them. It makes no lists but where it forks.
"""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class _Node(Generic[V]):
    __slots__ = ("below", "children", "single", "tail", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[V]] | None = None
        """By the next level's name; made when first needed."""
        self.single: _Node[V] | None = None
        """For `+` at the next level."""
        self.tail: tuple[str, ...] | None = None
        """What is left of the only filter of this branch, of which `value` is; the node has nothing else then."""
        self.value: V | None = None
        """Of the filter that ends here, or with `tail`."""
        self.below: V | None = None
        """Of the filter that ends here with `/#`."""

    def is_empty(self) -> bool:
        return (
            not self.children and self.single is None and self.value is None and self.below is None
        )

    def child(self, level: str) -> _Node[V] | None:
        """Return the node of a level of a filter."""
        if level == "+":
            return self.single
        return self.children.get(level) if self.children is not None else None

    def grow(self, level: str, tail: tuple[str, ...], value: V) -> None:
        """Begin a branch with one filter."""
        child: _Node[V] = _Node()
        child.tail = tail or None
        child.value = value
        if level == "+":
            self.single = child
        elif self.children is None:
            self.children = {level: child}
        else:
            self.children[level] = child

    def unfold(self) -> None:
        """Make room for a second filter: the first one moves one level on."""
        tail, value = self.tail, self.value
        assert tail is not None
        assert value is not None
        self.tail = self.value = None
        if tail[0] == "#":
            self.below = value
        else:
            self.grow(tail[0], tail[1:], value)


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
        levels = topic_filter.split("/")
        for depth, level in enumerate(levels):
            if node.tail is not None:
                if node.tail == tuple(levels[depth:]):
                    node.value = value
                    return
                node.unfold()
            if level == "#":  # always the last level [MQTT-4.7.1-1]
                self._len += node.below is None
                node.below = value
                return
            child = node.child(level)
            if child is None:
                node.grow(level, tuple(levels[depth + 1 :]), value)
                self._len += 1
                return
            node = child
        if node.tail is not None:
            node.unfold()
        self._len += node.value is None
        node.value = value

    def remove(self, topic_filter: str) -> None:
        """Remove a filter and the branches that led only to it; a missing one is no error."""
        path: list[tuple[_Node[V], str]] = []
        node = self._root
        levels = topic_filter.split("/")
        while node.tail is None and len(path) < len(levels) and levels[len(path)] != "#":
            level = levels[len(path)]
            child = node.child(level)
            if child is None:
                return
            path.append((node, level))
            node = child
        rest = tuple(levels[len(path) :])
        if node.tail is None and rest == ("#",):
            if node.below is None:
                return
            node.below = None
        elif rest != (node.tail or ()) or node.value is None:
            return
        else:
            node.tail = node.value = None
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
        node = self._root
        depth = 0
        if topic[0] == "$":  # [MQTT-4.7.2-1] no wildcard stands for the first level
            first = node.child(levels[0])
            if first is None:
                return found
            node = first
            depth = 1
        forks: list[tuple[_Node[V], int]] = []
        while True:
            if node.tail is not None:
                if node.value is not None and _fits(node.tail, levels, depth):
                    found.append(node.value)
            elif depth < end:
                if node.below is not None:
                    found.append(node.below)
                exact = node.children.get(levels[depth]) if node.children is not None else None
                single = node.single
                depth += 1
                if exact is not None:
                    if single is not None:
                        forks.append((single, depth))
                    node = exact
                    continue
                if single is not None:
                    node = single
                    continue
            else:
                if node.value is not None:
                    found.append(node.value)
                if node.below is not None:  # "sport/#" matches "sport" (4.7.1.2)
                    found.append(node.below)
            if not forks:
                return found
            node, depth = forks.pop()


def _fits(tail: tuple[str, ...], levels: list[str], depth: int) -> bool:
    """Tell whether the rest of a filter matches a topic's levels from `depth` on."""
    end = len(levels)
    for level in tail:
        if level == "#":
            return True
        if depth == end or (level != "+" and level != levels[depth]):
            return False
        depth += 1
    return depth == end
