"""Time, passed as an argument so that tests can turn the hands.

A leaf: imports nothing from the application.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time for durations, wall time for what people and databases read."""

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""

    def wall_ms(self) -> int:
        """Return milliseconds since the epoch."""


class SystemClock:
    """The machine's own clocks."""

    monotonic_s = staticmethod(time.monotonic)

    @staticmethod
    def wall_ms() -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


def local_datetime(wall_ms: int) -> str:
    """Return a moment as `YYYY-MM-DD HH:MM:SS` of the node's own zone, as EMQX writes it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_ms // 1000))


def uptime_text(seconds: int) -> str:
    """Return a duration as `D days, H hours, M minutes, S seconds`, leading zero units left out."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    units = [(day, "days"), (hour, "hours"), (minute, "minutes"), (second, "seconds")]
    while len(units) > 1 and units[0][0] == 0:
        units.pop(0)
    return ", ".join(f"{count} {unit}" for count, unit in units)


class FakeClock:
    """A clock that stands still until it is told to move; for tests."""

    def __init__(self, monotonic_s: float = 1_000.0, wall_ms: int = 1_700_000_000_000) -> None:
        """Start at the given readings."""
        self._monotonic_s = monotonic_s
        self._wall_ms = wall_ms

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""
        return self._monotonic_s

    def wall_ms(self) -> int:
        """Return milliseconds since the epoch."""
        return self._wall_ms

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._monotonic_s += seconds
        self._wall_ms += round(seconds * 1000)
