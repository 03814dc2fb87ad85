"""A session's queue of messages that cannot be sent yet, bounded, with EMQX's drop policy.

When full, the oldest message goes and `dropped` grows (EMQX 4.4, `max_mqueue_len`).
"""

from __future__ import annotations

from collections import deque

from app.broker.inflight import Delivery


class MQueue:
    """First in, first out, of at most `max_len` deliveries (0 = no limit)."""

    __slots__ = ("_deliveries", "dropped", "max_len")

    def __init__(self, max_len: int) -> None:
        """Start empty."""
        self.max_len = max_len
        self.dropped = 0
        self._deliveries: deque[Delivery] = deque()

    def __len__(self) -> int:
        """Return how many deliveries wait."""
        return len(self._deliveries)

    def push(self, delivery: Delivery) -> Delivery | None:
        """Append; return the oldest delivery where it had to make room."""
        self._deliveries.append(delivery)
        if self.max_len and len(self._deliveries) > self.max_len:
            self.dropped += 1
            return self._deliveries.popleft()
        return None

    def pop(self) -> Delivery:
        """Remove and return the oldest delivery."""
        return self._deliveries.popleft()

    def peek(self) -> Delivery:
        """Return the oldest delivery and leave it where it is."""
        return self._deliveries[0]

    @property
    def size_bytes(self) -> int:
        """Return the payload bytes that wait (walks the queue; for reports, not for the hot path)."""
        return sum(len(delivery.message.payload) for delivery in self._deliveries)
