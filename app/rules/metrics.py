"""Counters of rules and of their actions; the loop writes them, anybody may read.

Source: EMQX 4.4 `emqx_rule_metrics`.
"""

from __future__ import annotations

from collections import deque

SAMPLE_EVERY_S = 10.0
SAMPLES_KEPT = 30
"""Five minutes of them."""


class Speed:
    """How many a second, sampled."""

    __slots__ = ("_last_count", "_samples", "current", "highest", "last5m")

    def __init__(self) -> None:
        """Start standing still."""
        self.current = 0.0
        self.highest = 0.0
        self.last5m = 0.0
        self._last_count = 0
        self._samples: deque[float] = deque(maxlen=SAMPLES_KEPT)

    def sample(self, count: int, passed_s: float) -> None:
        """Take the counter's state after so many seconds."""
        self.current = (count - self._last_count) / passed_s
        self._last_count = count
        self.highest = max(self.highest, self.current)
        self._samples.append(self.current)
        self.last5m = sum(self._samples) / len(self._samples)


class RuleMetrics:
    """What became of the messages and events that a rule is about."""

    __slots__ = ("exception", "failed", "matched", "no_result", "passed", "speed")

    def __init__(self) -> None:
        """Start at zero."""
        self.matched = 0
        self.passed = 0
        self.failed = 0
        self.exception = 0
        self.no_result = 0
        self.speed = Speed()

    def row(self, node: str) -> dict[str, object]:
        """Return the figures in EMQX's words."""
        return {
            "node": node,
            "matched": self.matched,
            "passed": self.passed,
            "failed": self.failed,
            "exception": self.exception,
            "no_result": self.no_result,
            "speed": round(self.speed.current, 2),
            "speed_max": round(self.speed.highest, 2),
            "speed_last5m": round(self.speed.last5m, 2),
        }


class ActionMetrics:
    """What became of the results that an action was given."""

    __slots__ = (
        "dead_letters",
        "dropped",
        "failed",
        "queued",
        "recovered",
        "retried",
        "success",
        "taken",
    )

    def __init__(self) -> None:
        """Start at zero."""
        self.taken = 0
        self.success = 0
        self.failed = 0
        self.retried = 0
        self.dropped = 0
        """Of the failed ones, those for which there was no room."""
        self.queued = 0
        """Those that wait or are under way now."""
        self.recovered = 0
        """Those that stood on disk when the action began; each of them may reach the target a second time."""
        self.dead_letters = 0
        """Of the failed ones, those that were put aside for good."""

    def reset(self) -> None:
        """Go back to zero; what waits still waits."""
        self.taken = self.success = self.failed = self.retried = self.dropped = 0
        self.recovered = self.dead_letters = 0

    def row(self, node: str) -> dict[str, object]:
        """Return the figures; the first four in EMQX's words."""
        return {
            "node": node,
            "taken": self.taken,
            "success": self.success,
            "failed": self.failed,
            "retried": self.retried,
            "dropped": self.dropped,
            "queued": self.queued,
            "recovered": self.recovered,
            "dead_letters": self.dead_letters,
        }
