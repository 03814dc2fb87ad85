"""Failures in the log: the first of a kind at once, those that follow counted and told once a minute.

What fails for every message would otherwise fill the log as fast as messages come.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

EVERY_S = 60.0


class Complaints:
    """The failures of one rule or action."""

    __slots__ = ("_due_s", "_logger", "_now_s", "_unsaid", "_who")

    def __init__(
        self, logger: logging.Logger, who: str, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with none; `who` is what the log calls the rule or the action."""
        self._logger = logger
        self._who = who
        self._now_s = now_s
        self._due_s = 0.0
        self._unsaid = 0

    def note(self, reason: object) -> None:
        """Take note of a failure."""
        now_s = self._now_s()
        if now_s < self._due_s:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more since the last time)" if self._unsaid else ""
        self._logger.warning("%s failed: %s%s", self._who, reason, more)
        self._due_s = now_s + EVERY_S
        self._unsaid = 0
