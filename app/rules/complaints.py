"""Failures in the log: the first of a kind at once, those that follow counted and told once a minute.

What fails for every message would otherwise fill the log as fast as messages come.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

EVERY_S = 60.0
RECENT_MAX = 10
REASON_MAX_LENGTH = 500


class Complaint(NamedTuple):
    """One failure, for people who look for it."""

    at_ms: int
    """Wall time."""
    reason: str


class Complaints:
    """The failures of one rule or action."""

    __slots__ = ("_due_s", "_logger", "_now_s", "_unsaid", "_who", "recent")

    def __init__(
        self, logger: logging.Logger, who: str, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with none; `who` is what the log calls the rule or the action."""
        self._logger = logger
        self._who = who
        self._now_s = now_s
        self._due_s = 0.0
        self._unsaid = 0
        self.recent: deque[Complaint] = deque(maxlen=RECENT_MAX)
        """The latest failures, the newest last; the loop adds, any thread may copy."""

    def note(self, reason: object) -> None:
        """Take note of a failure."""
        self.recent.append(Complaint(time.time_ns() // 1_000_000, str(reason)[:REASON_MAX_LENGTH]))
        now_s = self._now_s()
        if now_s < self._due_s:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more since the last time)" if self._unsaid else ""
        self._logger.warning("%s failed: %s%s", self._who, reason, more)
        self._due_s = now_s + EVERY_S
        self._unsaid = 0
