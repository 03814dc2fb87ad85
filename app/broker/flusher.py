"""One write for each connection and turn of the loop, and one look at the clock for all messages of a turn."""

from __future__ import annotations

import asyncio
from typing import Protocol

from app.clock import Clock


class Flushed(Protocol):
    """Somebody with something to send."""

    def flush(self) -> None:
        """Send it."""


class Flusher:
    """Connections with something to send; all of them are flushed at the end of this turn of the loop.

    Attributes:
        is_fresh: The two times below are of this turn; who needs them and finds them stale calls `look`, and has
            something flushed in the same turn, which makes them stale again.
        wall_ms: As `Clock.wall_ms`.
        monotonic_s: As `Clock.monotonic_s`.
    """

    __slots__ = ("_clock", "_dirty", "_loop", "_spare", "is_fresh", "monotonic_s", "wall_ms")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        """Flush on the given loop."""
        self._loop = loop
        self._clock = clock
        self._dirty: list[Flushed] = []
        self._spare: list[Flushed] = []
        self.is_fresh = False
        self.wall_ms = 0
        self.monotonic_s = 0.0

    @property
    def waiting(self) -> int:
        """Return how many connections have something to send in this turn; any thread may ask."""
        return len(self._dirty)

    def add(self, connection: Flushed) -> None:
        """Have a connection flushed."""
        if not self._dirty:
            self._loop.call_soon(self.flush)
        self._dirty.append(connection)

    def look(self) -> None:
        """Look at the clock for this turn."""
        self.wall_ms = self._clock.wall_ms()
        self.monotonic_s = self._clock.monotonic_s()
        self.is_fresh = True

    def flush(self) -> None:
        """Flush everybody who has something to send."""
        dirty, self._dirty = self._dirty, self._spare
        self.is_fresh = False
        for connection in dirty:
            connection.flush()
        dirty.clear()
        self._spare = dirty
