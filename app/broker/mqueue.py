"""A session's queue of messages that cannot be sent yet, bounded, with EMQX's order and drop policy.

When full, the oldest message goes (EMQX 4.4, `max_mqueue_len`); the session decides what becomes of it.

Messages of QoS 0 need no place in the inflight window. They have a line of their own, so that a full window does not
hold them up, and numbers say who came first where both lines may move.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from heapq import merge
from itertools import islice

from app.broker.inflight import Delivery
from app.config import ZoneConfig

Line = deque[tuple[int, Delivery]]

HIGHEST = 1_000_000
"""Stands for EMQX's `infinity`, above every priority that can be configured."""
LOWEST = 0
CREDITS_PER_PRIORITY = 10
"""EMQX's shift multiplier: how often a priority is served, times itself plus one, before the next has a turn."""


class MQueue:
    """First in, first out, of at most `max_len` deliveries (0 = no limit)."""

    __slots__ = ("_acknowledged", "_unacknowledged", "arrivals", "dropped", "max_len")

    def __init__(self, max_len: int) -> None:
        """Start empty."""
        self.max_len = max_len
        self.dropped = 0
        """What was given up for want of room; counted by the session, which may pass messages on instead."""
        self.arrivals = 0
        """How many deliveries came in, those included that had to go again."""
        # Made when first needed: most sessions never queue, and an empty deque takes 600 bytes.
        self._unacknowledged: Line | None = None
        """QoS 0."""
        self._acknowledged: Line | None = None
        """QoS 1 and 2."""

    def __len__(self) -> int:
        """Return how many deliveries wait."""
        return len(self._unacknowledged or ()) + len(self._acknowledged or ())

    def is_empty(self) -> bool:
        """Tell whether nothing waits; quicker than a length."""
        return not self._unacknowledged and not self._acknowledged

    def is_full_for(self, topic: str) -> bool:
        """Tell whether a message on a topic would push another one out."""
        return bool(self.max_len) and len(self) >= self.max_len

    def is_full_with(self, delivery: Delivery) -> bool:
        """Tell whether a delivery would push another one out."""
        return bool(self.max_len) and len(self) >= self.max_len

    @property
    def is_full(self) -> bool:
        """Tell whether there is a message that would push another one out."""
        return bool(self.max_len) and len(self) >= self.max_len

    @property
    def overrun(self) -> int:
        """Return how many deliveries wait beyond the limit."""
        return max(0, len(self) - self.max_len) if self.max_len else 0

    def push(self, delivery: Delivery) -> Delivery | None:
        """Append; return the oldest delivery where it had to make room."""
        self.append(delivery)
        if self.max_len and len(self) > self.max_len:
            return self.pop(with_acks=True)
        return None

    def trim(self) -> Delivery | None:
        """Remove and return the oldest delivery where more wait than may, None where they do not."""
        return self.pop(with_acks=True) if self.overrun else None

    def append(self, delivery: Delivery) -> None:
        """Append, whether there is room or not."""
        self.arrivals += 1
        if delivery.qos:
            if self._acknowledged is None:
                self._acknowledged = deque()
            self._acknowledged.append((self.arrivals, delivery))
        else:
            if self._unacknowledged is None:
                self._unacknowledged = deque()
            self._unacknowledged.append((self.arrivals, delivery))

    def pop(self, *, with_acks: bool) -> Delivery | None:
        """Remove and return the oldest delivery, None where there is none.

        Args:
            with_acks: whether QoS 1 and 2 may be taken; else only QoS 0.
        """
        line = self._unacknowledged
        if with_acks and self._acknowledged and (not line or self._acknowledged[0] < line[0]):
            line = self._acknowledged
        return line.popleft()[1] if line else None

    def only_acknowledged(self) -> Line | None:
        """Return what waits, oldest first, to be taken from; None where QoS 0 waits among it."""
        return None if self._unacknowledged else self._acknowledged

    def __iter__(self) -> Iterator[Delivery]:
        """Yield what waits, in no particular order."""
        for line in (self._unacknowledged, self._acknowledged):
            for _, delivery in line or ():
                yield delivery

    def first(self, count: int) -> list[Delivery]:
        """Return so many of what waits, in the order in which it came."""
        lines = (self._unacknowledged or (), self._acknowledged or ())
        return [delivery for _, delivery in islice(merge(*lines), count)]

    @property
    def size_bytes(self) -> int:
        """Return the payload bytes that wait (walks the queue; for reports, not for the hot path)."""
        return sum(len(delivery.message.payload) for delivery in self)


class PriorityMQueue(MQueue):
    """A queue for each priority, each of at most `max_len`; higher ones are served first, but not for ever.

    As in EMQX, a priority that has been served its credits goes behind the others, so that none starves.
    """

    __slots__ = ("_credits", "_default", "_levels", "_priorities")

    def __init__(self, max_len: int, priorities: dict[str, int], default: int) -> None:
        """Start empty.

        Args:
            max_len: of each priority's queue; 0 is no limit.
            priorities: by topic name.
            default: of all other topics.
        """
        super().__init__(max_len)
        self._priorities = priorities
        self._default = default
        self._levels: list[tuple[int, MQueue]] = []
        """(priority, what waits), in the order of service."""
        self._credits = 0
        """How many more the first level may send before it goes to the end; 0 is a fresh start."""

    def __len__(self) -> int:
        """Return how many deliveries wait."""
        return sum(len(line) for _, line in self._levels)

    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._levels

    def is_full_for(self, topic: str) -> bool:
        """Tell whether a message on a topic would push another one of its priority out."""
        line = self._line(self._priorities.get(topic, self._default))
        return line is not None and bool(self.max_len) and len(line) >= self.max_len

    def is_full_with(self, delivery: Delivery) -> bool:
        """Tell whether a delivery would push another one of its priority out."""
        return self.is_full_for(delivery.message.topic)

    @property
    def is_full(self) -> bool:
        """Tell whether there is a priority whose next message would push another one out."""
        return any(line.is_full for _, line in self._levels)

    @property
    def overrun(self) -> int:
        """Return how many deliveries wait beyond the limits of their priorities."""
        return sum(line.overrun for _, line in self._levels)

    def trim(self) -> Delivery | None:
        """Remove and return the oldest delivery of a priority of which more wait than may."""
        for _, line in self._levels:
            if line.overrun:
                return line.trim()
        return None

    def _line(self, priority: int) -> MQueue | None:
        return next((line for level, line in self._levels if level == priority), None)

    def push(self, delivery: Delivery) -> Delivery | None:
        """Append to the line of the topic's priority; return its oldest where it had to make room."""
        return self._line_for(delivery).push(delivery)

    def append(self, delivery: Delivery) -> None:
        """Append to the line of the topic's priority, whether there is room or not."""
        self._line_for(delivery).append(delivery)

    def _line_for(self, delivery: Delivery) -> MQueue:
        """Return the line of a topic's priority, for something that is about to be appended."""
        priority = self._priorities.get(delivery.message.topic, self._default)
        line = self._line(priority)
        if line is None:
            line = MQueue(self.max_len)
            self._levels.append((priority, line))
            # As EMQX's pqueue: a new priority puts all of them back in order.
            self._levels.sort(key=lambda level: -level[0])
            self._credits = 0
        line.max_len = self.max_len
        self.arrivals += 1
        return line

    def pop(self, *, with_acks: bool) -> Delivery | None:
        """Remove and return whose turn it is, None where there is none.

        Args:
            with_acks: whether QoS 1 and 2 may be taken; else only QoS 0.
        """
        for index, (priority, line) in enumerate(self._levels):
            delivery = line.pop(with_acks=with_acks)
            if delivery is not None:
                self._served(index, priority, line)
                return delivery
        return None

    def _served(self, index: int, priority: int, line: MQueue) -> None:
        """Take one credit, and let the next level have its turn where none is left."""
        if line.is_empty():
            del self._levels[index]
            if index == 0:
                self._credits = 0
        elif index == 0:
            self._credits = (self._credits or (priority + 1) * CREDITS_PER_PRIORITY) - 1
            if not self._credits:
                self._levels.append(self._levels.pop(0))

    def __iter__(self) -> Iterator[Delivery]:
        """Yield what waits, in no particular order."""
        for _, line in self._levels:
            yield from line

    def first(self, count: int) -> list[Delivery]:
        """Return so many of what waits: priority by priority, in the order in which it came."""
        found: list[Delivery] = []
        for _, line in self._levels:
            found += line.first(count - len(found))
        return found


@lru_cache(maxsize=64)
def _table(priorities: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """Return the priorities by topic, one dictionary for all sessions of a zone."""
    return dict(priorities)


def queue_for(zone: ZoneConfig) -> MQueue:
    """Return an empty queue as a zone wants it."""
    if not zone.mqueue_priorities:
        return MQueue(zone.max_mqueue_len)
    default = HIGHEST if zone.mqueue_default_priority == "highest" else LOWEST
    return PriorityMQueue(zone.max_mqueue_len, _table(zone.mqueue_priorities), default)


def moved(old: MQueue, zone: ZoneConfig) -> tuple[MQueue, list[Delivery]]:
    """Return a queue as another zone wants it, with what waited, and what it has no room for."""
    new = queue_for(zone)
    new.dropped = old.dropped
    outs: list[Delivery] = []
    while (delivery := old.pop(with_acks=True)) is not None:
        out = new.push(delivery)
        if out is not None:
            outs.append(out)
    new.arrivals = max(new.arrivals, old.arrivals)
    return new, outs
