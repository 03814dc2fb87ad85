"""A session's queue of messages that cannot be sent yet, bounded, with EMQX's drop policy.

When full, the oldest message goes and `dropped` grows (EMQX 4.4, `max_mqueue_len`).

Messages of QoS 0 need no place in the inflight window. They have a line of their own, so that a full window does not
hold them up, and numbers say who came first where both lines may move.
"""

from __future__ import annotations

from collections import deque

from app.broker.inflight import Delivery

Line = deque[tuple[int, Delivery]]


class MQueue:
    """First in, first out, of at most `max_len` deliveries (0 = no limit)."""

    __slots__ = ("_acknowledged", "_arrivals", "_unacknowledged", "dropped", "max_len")

    def __init__(self, max_len: int) -> None:
        """Start empty."""
        self.max_len = max_len
        self.dropped = 0
        self._arrivals = 0
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

    def push(self, delivery: Delivery) -> Delivery | None:
        """Append; return the oldest delivery where it had to make room."""
        self._arrivals += 1
        if delivery.qos:
            if self._acknowledged is None:
                self._acknowledged = deque()
            self._acknowledged.append((self._arrivals, delivery))
        else:
            if self._unacknowledged is None:
                self._unacknowledged = deque()
            self._unacknowledged.append((self._arrivals, delivery))
        if self.max_len and len(self) > self.max_len:
            self.dropped += 1
            return self.pop(with_acks=True)
        return None

    def pop(self, *, with_acks: bool) -> Delivery | None:
        """Remove and return the oldest delivery, None where there is none.

        Args:
            with_acks: whether QoS 1 and 2 may be taken; else only QoS 0.
        """
        line = self._unacknowledged
        if with_acks and self._acknowledged and (not line or self._acknowledged[0] < line[0]):
            line = self._acknowledged
        return line.popleft()[1] if line else None

    @property
    def size_bytes(self) -> int:
        """Return the payload bytes that wait (walks the queue; for reports, not for the hot path)."""
        return sum(
            len(delivery.message.payload)
            for line in (self._unacknowledged, self._acknowledged)
            for _, delivery in line or ()
        )
