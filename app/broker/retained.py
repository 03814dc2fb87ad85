"""Retained messages: the last one of each topic, for whoever subscribes later [MQTT-3.3.1-5].

Replay follows the order of publishing, as EMQX's does. A store may hold very many: who looks for what matches a filter
is given it a piece at a time, and may let others have their turn in between.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from operator import attrgetter
from typing import NamedTuple

from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.ports import NO_STORAGE
from app.clock import Clock
from app.config import RetainerConfig

SWEEP_EVERY_S = 60
LOOK = 1_000
"""Topics that a walk looks at before it pauses: half a millisecond."""


class Stored:
    """One retained message; `message` is None as soon as it was replaced or deleted, so that no walk keeps it."""

    __slots__ = ("message", "sequence")

    def __init__(self, sequence: int, message: Message) -> None:
        """Take the message and its place in the order of publishing."""
        self.sequence = sequence
        self.message: Message | None = message


by_sequence = attrgetter("sequence")


class Below(NamedTuple):
    """One level of topic names below another, for whoever walks the tree."""

    name: str
    has_message: bool
    is_branch: bool
    """Whether there are topics below it."""


class _Level:
    """One level of the tree of topic names."""

    __slots__ = ("children", "due", "stored")

    def __init__(self) -> None:
        self.children: dict[str, _Level] = {}
        self.stored: Stored | None = None
        self.due: int | None = None
        """The sweep that looks at it."""


class RetainedStore:
    """Retained messages in a tree of topic levels."""

    def __init__(self, config: RetainerConfig, metrics: Metrics, clock: Clock) -> None:
        """Start empty."""
        self.is_on = True
        """Whether messages are kept and given to new subscriptions; what is kept stays in any case."""
        self.storage = NO_STORAGE
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._root = _Level()
        self._reserved = _Level()
        """Topics that begin with `$`, which no wildcard on the first level stands for [MQTT-4.7.2-1]."""
        self.by_topic: dict[str, Stored] = {}
        """What `#` matches, in the order in which topics began to have a message: a page of it is a slice."""
        self._sequence = 0
        self._count = 0
        self._due: dict[int, set[str]] = {}
        """Topics that a sweep has to look at, by its number."""

    def __len__(self) -> int:
        """Return how many topics have a message."""
        return self._count

    def on_publish(self, message: Message) -> None:
        """Store, replace or (with an empty payload) delete [MQTT-3.3.1-6]."""
        if not self.is_on:
            return
        if not message.payload:
            self.delete(message.topic)
            return
        if len(message.payload) > self._config.max_payload_size:
            self._metrics.messages_retained_refused += 1
            return
        limit = self._config.max_retained_messages
        level = self._find(message.topic)
        if level is None or level.stored is None:
            if limit and self._count >= limit:
                self._metrics.messages_retained_refused += 1
                return
            level = self._make(message.topic)
            self._count += 1
        else:
            level.stored.message = None
        self._sequence += 1
        self._put(level, message, self._sequence)
        self._metrics.messages_retained = self._count
        if not message.about_broker:
            self.storage.retained(message, self._sequence)

    def put_back(self, message: Message, sequence: int) -> None:
        """Store what was stored when the node was last there; what has expired goes with the next look at it."""
        level = self._make(message.topic)
        if level.stored is None:
            self._count += 1
        self._sequence = max(self._sequence, sequence)
        self._put(level, message, sequence)
        self._metrics.messages_retained = self._count

    def _put(self, level: _Level, message: Message, sequence: int) -> None:
        level.stored = stored = Stored(sequence, message)
        if not message.topic.startswith("$"):
            self.by_topic[message.topic] = stored
        self._schedule(level, message)

    def delete(self, topic: str) -> bool:
        """Forget a topic's message; False where there was none."""
        path = [self._root_of(topic)]
        levels = topic.split("/")
        for name in levels:
            following = path[-1].children.get(name)
            if following is None:
                return False
            path.append(following)
        stored = path[-1].stored
        if stored is None:
            return False
        path[-1].stored = stored.message = None
        self.by_topic.pop(topic, None)
        self._count -= 1
        self._metrics.messages_retained = self._count
        self.storage.retained_is_gone(topic)
        for index in range(len(levels), 0, -1):
            if path[index].children or path[index].stored is not None:
                break
            del path[index - 1].children[levels[index - 1]]
        return True

    def match(self, topic_filter: str) -> list[Message]:
        """Return the messages whose topics match a filter, oldest first; expired ones are removed."""
        found = [stored for piece in self.walk(topic_filter) for stored in piece]
        found.sort(key=by_sequence)
        return [stored.message for stored in found if stored.message is not None]

    def get(self, topic: str) -> Stored | None:
        """Return what is kept for a topic; None where there is nothing, or it has expired."""
        level = self._find(topic)
        stored = level.stored if level is not None else None
        return stored if stored is not None and self._is_alive(stored) else None

    def below(self, levels: Sequence[str], count: int) -> tuple[list[Below], int]:
        """Return some of the levels directly below one, in no particular order, and how many there are.

        Args:
            levels: The names that lead there; none for the first levels of all topics.
            count: How many to return at most.
        """
        if levels:
            found = self._find("/".join(levels))
            children = found.children if found is not None else {}
            total, items = len(children), islice(children.items(), count)
        else:
            both = (self._root.children, self._reserved.children)
            total = sum(map(len, both))
            items = islice(chain.from_iterable(one.items() for one in both), count)
        shown = [
            Below(name, level.stored is not None, bool(level.children)) for name, level in items
        ]
        return shown, total

    def walk(self, topic_filter: str) -> Iterator[list[Stored]]:
        """Return what matches a filter piece by piece, each piece oldest first; expired messages are removed.

        What is published while the walk goes on is not found: who walks hears of it otherwise. A piece is what was
        found among `LOOK` topics, and may be empty.
        """
        wanted = topic_filter.split("/")
        walk = self._walk(self._root_of(wanted[0]), wanted, self._sequence)
        return (sorted(piece, key=by_sequence) for piece in walk)

    def branch_by_branch(self, topic_filter: str) -> Iterator[list[Stored]]:
        """Return what matches a filter piece by piece, in an order that newer messages of the topics do not change."""
        wanted = topic_filter.split("/")
        return self._walk(self._root_of(wanted[0]), wanted, sys.maxsize)

    def everything(self) -> Iterator[list[Stored]]:
        """Return all that is stored but what the broker says of itself, piece by piece, in no particular order."""
        for root in (self._root, self._reserved):
            for piece in self._walk(root, ["#"], self._sequence):
                yield [
                    stored
                    for stored in piece
                    if stored.message is not None and not stored.message.about_broker
                ]

    def _walk(self, root: _Level, wanted: list[str], until: int) -> Iterator[list[Stored]]:
        nodes = [root]
        for name in wanted:
            if name == "#":
                break
            following: list[_Level] = []
            for count, node in enumerate(nodes, 1):
                if name == "+":
                    following.extend(node.children.values())
                elif name in node.children:
                    following.append(node.children[name])
                if not count % LOOK:
                    yield []
            nodes = following
        nodes.reverse()  # the last one is looked at first
        goes_below = wanted[-1] == "#"
        piece: list[Stored] = []
        looked = 0
        while nodes:
            node = nodes.pop()
            stored = node.stored
            if goes_below:
                nodes.extend(reversed(node.children.values()))
            if stored is not None and stored.sequence <= until and self._is_alive(stored):
                piece.append(stored)
            looked += 1
            if not looked % LOOK:
                yield piece
                piece = []
        yield piece

    def _is_alive(self, stored: Stored) -> bool:
        """Tell whether a message is still there; one that has expired goes."""
        message = stored.message
        if message is None:
            return False
        # Nearly all of them never expire, and there may be very many.
        if not message.properties and not self._config.expiry_interval_s:
            return True
        if self._is_expired(message, self._clock.wall_ms()):
            self.delete(message.topic)
            return False
        return True

    def take(self, stored: Stored) -> Message | None:
        """Return what was found on a walk, unless it was replaced, deleted or has expired since."""
        return stored.message if self._is_alive(stored) else None

    def _expires_at_ms(self, message: Message) -> float | None:
        interval_s: float | None = message.properties.get("message_expiry_interval")
        if interval_s is None:
            interval_s = self._config.expiry_interval_s or None
        return None if interval_s is None else message.timestamp_ms + interval_s * 1000

    def _is_expired(self, message: Message, now_ms: int) -> bool:
        expires_at_ms = self._expires_at_ms(message)
        return expires_at_ms is not None and now_ms >= expires_at_ms

    # -- sweeping ------------------------------------------------------------------------------

    def keep_swept(self, after: Callable[[float, Callable[[], None]], object]) -> None:
        """Sweep from now on."""

        def again() -> None:
            after(SWEEP_EVERY_S, again)
            self.sweep()

        after(SWEEP_EVERY_S, again)

    def sweep(self) -> None:
        """Forget what has expired; looks only at what may have."""
        now_ms = self._clock.wall_ms()
        now = int(now_ms // (SWEEP_EVERY_S * 1000))
        for number in [number for number in self._due if number <= now]:
            for topic in self._due.pop(number):
                level = self._find(topic)
                if level is None:
                    continue
                level.due = None
                if level.stored is None:
                    continue
                message = level.stored.message
                assert message is not None
                if self._is_expired(message, now_ms):
                    self.delete(topic)
                else:
                    self._schedule(level, message)

    def _schedule(self, level: _Level, message: Message) -> None:
        """Have a sweep look at a message, unless one will look at its topic before that anyway."""
        expires_at_ms = self._expires_at_ms(message)
        if expires_at_ms is None:
            return
        number = int(expires_at_ms // (SWEEP_EVERY_S * 1000)) + 1
        if level.due is None or number < level.due:
            level.due = number
            self._due.setdefault(number, set()).add(message.topic)

    def _find(self, topic: str) -> _Level | None:
        level: _Level | None = self._root_of(topic)
        for name in topic.split("/"):
            level = level.children.get(name) if level is not None else None
        return level

    def _make(self, topic: str) -> _Level:
        level = self._root_of(topic)
        for name in topic.split("/"):
            following = level.children.get(name)
            if following is None:
                following = level.children[name] = _Level()
            level = following
        return level

    def _root_of(self, topic: str) -> _Level:
        return self._reserved if topic.startswith("$") else self._root
