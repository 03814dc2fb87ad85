"""Retained messages: the last one of each topic, for whoever subscribes later [MQTT-3.3.1-5].

Replay follows the order of publishing, as EMQX's does.
"""

from __future__ import annotations

from collections.abc import Callable

from app.broker.message import Message
from app.broker.metrics import Metrics
from app.clock import Clock
from app.config import RetainerConfig
from app.mqtt.topic import is_wildcard

SWEEP_EVERY_S = 60


class _Level:
    """One level of the tree of topic names."""

    __slots__ = ("children", "due", "stored")

    def __init__(self) -> None:
        self.children: dict[str, _Level] = {}
        self.stored: tuple[int, Message] | None = None
        self.due: int | None = None
        """The sweep that looks at it."""


class RetainedStore:
    """Retained messages in a tree of topic levels."""

    def __init__(self, config: RetainerConfig, metrics: Metrics, clock: Clock) -> None:
        """Start empty."""
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._root = _Level()
        self._sequence = 0
        self._count = 0
        self.replays: dict[tuple[int, str], object] = {}
        """Replays under way, by session and filter; kept by whoever replays."""
        self._due: dict[int, set[str]] = {}
        """Topics that a sweep has to look at, by its number."""

    def __len__(self) -> int:
        """Return how many topics have a message."""
        return self._count

    def on_publish(self, message: Message) -> None:
        """Store, replace or (with an empty payload) delete [MQTT-3.3.1-6]."""
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
        self._sequence += 1
        level.stored = (self._sequence, message)
        self._schedule(level, message)
        self._metrics.messages_retained = self._count

    def delete(self, topic: str) -> bool:
        """Forget a topic's message; False where there was none."""
        path = [self._root]
        levels = topic.split("/")
        for name in levels:
            following = path[-1].children.get(name)
            if following is None:
                return False
            path.append(following)
        if path[-1].stored is None:
            return False
        path[-1].stored = None
        self._count -= 1
        self._metrics.messages_retained = self._count
        for index in range(len(levels), 0, -1):
            if path[index].children or path[index].stored is not None:
                break
            del path[index - 1].children[levels[index - 1]]
        return True

    def match(self, topic_filter: str) -> list[Message]:
        """Return the messages whose topics match a filter, oldest first; expired ones are removed."""
        if is_wildcard(topic_filter):
            found = self._search(topic_filter.split("/"))
        else:
            level = self._find(topic_filter)
            found = [level.stored] if level is not None and level.stored is not None else []
        now_ms = self._clock.wall_ms()
        # Nearly all of them never expire, and there may be very many.
        some_expire = self._config.expiry_interval_s > 0
        alive = [
            stored
            for stored in found
            if not (some_expire or stored[1].properties) or not self._is_expired(stored[1], now_ms)
        ]
        if len(alive) != len(found):
            for _, message in found:
                if self._is_expired(message, now_ms):
                    self.delete(message.topic)
        alive.sort(key=lambda stored: stored[0])
        return [message for _, message in alive]

    def is_current(self, message: Message) -> bool:
        """Tell whether a message was neither replaced nor deleted."""
        level = self._find(message.topic)
        return level is not None and level.stored is not None and level.stored[1] is message

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
                message = level.stored[1]
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
        level: _Level | None = self._root
        for name in topic.split("/"):
            level = level.children.get(name) if level is not None else None
        return level

    def _make(self, topic: str) -> _Level:
        level = self._root
        for name in topic.split("/"):
            level = level.children.setdefault(name, _Level())
        return level

    def _search(self, levels: list[str]) -> list[tuple[int, Message]]:
        nodes = [self._root]
        for depth, wanted in enumerate(levels):
            if wanted == "#":
                return self._below(nodes, depth)
            following: list[_Level] = []
            for node in nodes:
                if wanted == "+":
                    following.extend(self._visible(node, depth))
                elif wanted in node.children:
                    following.append(node.children[wanted])
            nodes = following
        return [node.stored for node in nodes if node.stored is not None]

    def _below(self, nodes: list[_Level], depth: int) -> list[tuple[int, Message]]:
        found: list[tuple[int, Message]] = []
        stack = list(nodes)
        if depth == 0:
            stack = self._visible(self._root, 0)
        while stack:
            node = stack.pop()
            if node.stored is not None:
                found.append(node.stored)
            stack.extend(node.children.values())
        return found

    @staticmethod
    def _visible(node: _Level, depth: int) -> list[_Level]:
        """Children that a wildcard may stand for: not `$SYS` and its like [MQTT-4.7.2-1]."""
        if depth:
            return list(node.children.values())
        return [child for name, child in node.children.items() if not name.startswith("$")]
