"""What queues on disk have promised to keep: one mark over all their files, each of which is written at its own pace.

Theory: marks are given out in order, and each queue says which of its own is the oldest that is not on disk. Safe is
whatever is older than the oldest of all queues. To be used on the loop; it knows no queue from another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Promises:
    """The promises of all bridges of a node; one of the keepers that acknowledgements wait for."""

    def __init__(self) -> None:
        """Begin with none."""
        self.mark = 0
        """The last one that was given."""
        self.safe = 0
        """Up to this one all are kept, or are known not to be."""
        self._oldest: dict[object, int] = {}
        """Of each queue, the oldest one that is not settled."""
        self._waiting: list[Callable[[], None]] = []

    def give(self, queue: object) -> int:
        """Return the mark of what a queue has taken."""
        self.mark += 1
        self._oldest.setdefault(queue, self.mark)
        return self.mark

    def settle(self, queue: object, oldest: int | None = None) -> None:
        """Wait no longer for what a queue took before a mark of its own; None is for all of it."""
        if oldest is None:
            self._oldest.pop(queue, None)
        else:
            self._oldest[queue] = oldest
        safe = min(self._oldest.values(), default=self.mark + 1) - 1
        if safe > self.safe:
            self.safe = safe
            self._tell()

    def when_safe(self, call: Callable[[], None]) -> None:
        """Have something called once, the next time that `safe` grows."""
        self._waiting.append(call)

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            try:
                call()
            except Exception:
                logger.exception("What waited for the queue of a bridge failed")
