"""One timer wheel for the whole broker, instead of a timer of the event loop for each client.

Ticks are `RESOLUTION_S` long; a timer fires on the first tick at or after its time. The wheel has no clock and no
loop of its own: whoever owns it calls `advance` with the time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

logger = logging.getLogger(__name__)

RESOLUTION_S = 0.25


class Timer:
    """A call to come. `cancel` it when it is no longer wanted."""

    __slots__ = ("_bucket", "callback")

    def __init__(self, callback: Callable[[], None], bucket: dict[Timer, None]) -> None:
        """Stand in a bucket until its tick comes."""
        self.callback = callback
        self._bucket = bucket

    def cancel(self) -> None:
        """Forget the call; a timer that fired already is no error."""
        self._bucket.pop(self, None)


class TimerWheel:
    """Timers sorted into ticks."""

    def __init__(self, now_s: float) -> None:
        """Start at the given monotonic time in seconds."""
        self._tick = int(now_s / RESOLUTION_S)
        self._buckets: dict[int, dict[Timer, None]] = {}

    def after(self, now_s: float, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back once, `delay_s` seconds from `now_s`."""
        tick = max(self._tick + 1, math.ceil((now_s + delay_s) / RESOLUTION_S))
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
        timer = Timer(callback, bucket)
        bucket[timer] = None
        return timer

    def advance(self, now_s: float) -> None:
        """Run what is due. A failing callback is logged and does not stop the others."""
        now_tick = int(now_s / RESOLUTION_S)
        if now_tick - self._tick > len(self._buckets):
            due = sorted(tick for tick in self._buckets if tick <= now_tick)
        else:
            due = [tick for tick in range(self._tick + 1, now_tick + 1) if tick in self._buckets]
        self._tick = max(self._tick, now_tick)
        for tick in due:
            bucket = self._buckets.pop(tick)
            while bucket:
                timer = next(iter(bucket))
                del bucket[timer]
                try:
                    timer.callback()
                except Exception:
                    logger.exception("A timer failed")
