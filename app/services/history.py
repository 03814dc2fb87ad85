"""How this node fared over the last hour, day and month: kept in the database, so that a restart forgets nothing.

A sample is what happened since the one before. It is added to one row of each level, and each level is a ring of a
fixed number of rows; nothing is ever downsampled afterwards, and nothing can grow. Knows no counter of the broker but
those in its two tables.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Row, Select, delete, select

from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, HistorySample
from app.node import facts
from app.node.proxy import Nodes
from app.services.nodes import node_called

GAUGES: Mapping[str, str] = {
    "connections": "live_connections.count",
    "sessions": "sessions.count",
    "subscriptions": "subscriptions.count",
    "topics": "topics.count",
    "retained": "retained.count",
}
"""What is kept, and which of the node's gauges it is; shown as the mean of a period."""
COUNTERS: Mapping[str, tuple[str, ...]] = {
    "messages_received": ("messages.received",),
    "messages_sent": ("messages.sent",),
    "messages_dropped": ("messages.dropped", "delivery.dropped"),
    "bytes_received": ("bytes.received",),
    "bytes_sent": ("bytes.sent",),
}
"""What is kept, and of which counters it is the sum; shown for each second."""
MEMORY = "memory"
CPU = "cpu"
NAMES = (*GAUGES, MEMORY, *COUNTERS, CPU)
"""What `series` knows; `memory` in bytes, `cpu` in per cent of one core."""


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution: how far it goes back, and in which steps."""

    span: str
    period_s: int
    periods: int

    @property
    def span_ms(self) -> int:
        """Return how far back it goes."""
        return self.period_s * self.periods * 1000


LEVELS = (Level("1h", 10, 360), Level("24h", 60, 1_440), Level("30d", 1_800, 1_440))
SPANS = {level.span: level for level in LEVELS}
GAP_PERIODS = 2.5
"""Periods, or intervals of sampling where these are longer, after which a line must not be drawn through."""


@dataclass(frozen=True, slots=True)
class Series:
    """Lists of one length each, ready for a chart; None stands where the node was not watched."""

    node: str
    span: str
    period_s: int
    at_ms: Sequence[int]
    values: Mapping[str, Sequence[float | None]]


class HistoryService:
    """Takes samples of this node, and shows those of any. One thread samples; request threads read."""

    def __init__(
        self,
        database: Database,
        nodes: Nodes,
        clock: Clock,
        interval_s: float,
        cpu_s: Callable[[], float] = time.process_time,
    ) -> None:
        """Take what it works with; the counters of this process begin at zero.

        Args:
            database: Where the history is.
            nodes: The cluster; the node of this process is the one that is sampled.
            clock: Wall time for the periods, the other for how long they were.
            interval_s: How often `sample` is called.
            cpu_s: Processor seconds that this process has used.
        """
        self._database = database
        self._nodes = nodes
        self._clock = clock
        self._cpu_s = cpu_s
        self._gap_s = interval_s * GAP_PERIODS
        self._seen = dict.fromkeys((*COUNTERS, "cpu_ms"), 0)
        self._seen_at_s = clock.monotonic_s()
        self._seen["cpu_ms"] = self._cpu_ms()

    def sample(self) -> None:
        """Add what happened since the last sample to the present period of every level."""
        now_ms, now_s = self._clock.wall_ms(), self._clock.monotonic_s()
        covered_ms = round((now_s - self._seen_at_s) * 1000)
        if covered_ms <= 0:
            return
        counts = self._counts()
        sums = {"covered_ms": covered_ms} | {
            name: value * covered_ms for name, value in self._gauges().items()
        }
        for name, count in counts.items():
            before = self._seen[name]
            # A counter that somebody set back began again at zero.
            sums[name] = count - before if count >= before else count
        with self._database.session() as session:
            for level in LEVELS:
                at = now_ms - now_ms % (level.period_s * 1000)
                key = (self._nodes.local.name, level.period_s, _slot(level, at))
                row = session.get(HistorySample, key)
                if row is None or row.at != at:
                    node, period_s, slot = key
                    fresh = HistorySample(node=node, period_s=period_s, slot=slot, at=at, **sums)
                    session.merge(fresh)
                    continue
                for name, value in sums.items():
                    setattr(row, name, getattr(row, name) + value)
        # Only now: what could not be written is part of the next sample.
        self._seen, self._seen_at_s = counts, now_s

    def sweep_expired(self) -> None:
        """Forget what left its span while nobody was there to write over it, such as that of a renamed node."""
        now_ms = self._clock.wall_ms()
        with self._database.session() as session:
            for level in LEVELS:
                session.execute(
                    delete(HistorySample).where(
                        HistorySample.period_s == level.period_s,
                        HistorySample.at <= now_ms - level.span_ms,
                    )
                )

    def series(self, names: Iterable[str], span: str, node: str | None = None) -> Series:
        """Return what is known of a node over a span that ends now.

        Args:
            names: Of `NAMES`.
            span: `1h`, `24h` or `30d`.
            node: Whose; that of this process by default.

        Raises:
            ServiceError: There is no such name or span (108).
            UnknownNode: There is no such node.
        """
        wanted = tuple(dict.fromkeys(names))
        level = SPANS.get(span)
        if level is None or not set(wanted) <= set(NAMES):
            raise ServiceError(ResultCode.BAD_PARAMETER, "bad_params")
        which = self._nodes.local.name if node is None else node_called(self._nodes, node).name
        since_ms = self._clock.wall_ms() - level.span_ms
        asked = _samples(which, level, since_ms, wanted).order_by(HistorySample.at)
        with self._database.reading() as session:
            rows = session.execute(asked).all()
        return self._charted(Series(which, span, level.period_s, [], {}), rows, wanted)

    def latest(self, names: Iterable[str]) -> dict[str, float]:
        """Return what was written last of this node, of `NAMES`; nothing where that is too long ago."""
        wanted, level = tuple(names), LEVELS[0]
        lately_s = max(level.period_s * GAP_PERIODS, self._gap_s)
        since_ms = self._clock.wall_ms() - round(lately_s * 1000)
        asked = _samples(self._nodes.local.name, level, since_ms, wanted)
        with self._database.reading() as session:
            rows = session.execute(asked.order_by(HistorySample.at.desc()).limit(1)).all()
        found = self._charted(Series("", level.span, level.period_s, [], {}), rows, wanted)
        return {
            name: value
            for name, points in found.values.items()
            for value in points
            if value is not None
        }

    def _charted(self, empty: Series, rows: Sequence[Row[Any]], names: Sequence[str]) -> Series:
        """Turn rows into lists, with a hole wherever the node was away."""
        gap_ms = max(empty.period_s * GAP_PERIODS, self._gap_s) * 1000
        at_ms, covered_ms, *columns = map(list, zip(*rows, strict=True)) if rows else ([], [])
        values = {
            name: _shown(name, kept, covered_ms)
            for name, kept in zip(names, columns or [[]] * len(names), strict=True)
        }
        gaps = [n for n, (one, next_) in enumerate(pairwise(at_ms), 1) if next_ - one > gap_ms]
        for place in reversed(gaps):
            at_ms.insert(place, at_ms[place - 1] + empty.period_s * 1000)
            for points in values.values():
                points.insert(place, None)
        return Series(empty.node, empty.span, empty.period_s, at_ms, values)

    def _gauges(self) -> dict[str, int]:
        stats = self._nodes.local.stats()
        gauges = {name: stats[gauge] for name, gauge in GAUGES.items()}
        return gauges | {MEMORY: facts.process_memory_bytes()["total"]}

    def _counts(self) -> dict[str, int]:
        metrics = self._nodes.local.metrics()
        counts = {name: sum(metrics[one] for one in of) for name, of in COUNTERS.items()}
        return counts | {"cpu_ms": self._cpu_ms()}

    def _cpu_ms(self) -> int:
        return round(self._cpu_s() * 1000)


def _slot(level: Level, at_ms: int) -> int:
    return at_ms // (level.period_s * 1000) % level.periods


def _samples(
    node: str, level: Level, since_ms: int, names: Iterable[str]
) -> Select[tuple[Any, ...]]:
    """Return the question for the columns that are shown: whole rows as objects would cost three times as much."""
    shown = (getattr(HistorySample, _column(name)) for name in names)
    return select(HistorySample.at, HistorySample.covered_ms, *shown).where(
        HistorySample.node == node,
        HistorySample.period_s == level.period_s,
        HistorySample.at > since_ms,
    )


def _shown(name: str, kept: Sequence[int], covered_ms: Sequence[int]) -> list[float | None]:
    """Return what is shown of each period: means, rates, or shares of one core."""
    factor, digits = 1, 2
    if name == CPU:
        factor = 100
    elif name in COUNTERS:
        factor, digits = 1000, 3
    return [
        round(factor * one / covered, digits) for one, covered in zip(kept, covered_ms, strict=True)
    ]


def _column(name: str) -> str:
    return "cpu_ms" if name == CPU else name
