"""Long reads on the loop, in slices: records in, encoded rows out.

A list is made some rows at a time, and lists together take no more than a share of the loop's time, so that MQTT
never waits for one longer than a slice. Why on the loop at all: docs/design/interpreter-lock.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import orjson

from app.broker.metrics import Metrics
from app.node.proxy import PageRequest, RowsPage

S = TypeVar("S")
R = TypeVar("R")

BUSY_FROM = 0.10
"""A loop that takes less than this share of a core for MQTT has time for lists."""
WINDOW_S = 0.05
"""How often that share is measured, while anybody asks for lists; after a pause it is that of the pause."""

SCAN_ROWS_PER_ROW = 10
"""Looking at a row that a filter refuses costs about a tenth of encoding one."""


class ReadBudget:
    """The share of the loop's time that lists may take while MQTT keeps it busy; an idle loop makes them at once.

    Whoever makes a list asks for each slice, in turn. All methods run on the loop.
    """

    def __init__(
        self,
        share: float,
        metrics: Metrics,
        *,
        wall_s: Callable[[], float] = time.monotonic,
        loop_cpu_s: Callable[[], float] = time.thread_time,
    ) -> None:
        """Allow `share` of the time (0..1; 1 is no limit).

        Args:
            share: of the loop's time that slices may take.
            metrics: gets the counts of slices and waits.
            wall_s: monotonic time.
            loop_cpu_s: seconds of processor time that the calling thread, the loop's, has used.
        """
        self._rest_per_work = 1 / share - 1
        self._metrics = metrics
        self._wall_s = wall_s
        self._loop_cpu_s = loop_cpu_s
        self._free_at_s = 0.0
        self._turn = asyncio.Lock()
        self._began = (0.0, 0.0)
        # What the loop does beside lists, measured from window to window.
        self._busy = False
        self._window = (wall_s(), 0.0)
        self._read_cpu_s = 0.0

    async def __aenter__(self) -> None:
        """Wait for the turn and, beside a busy broker, until what was spent is earned again."""
        await self._turn.acquire()
        wait_s = self._free_at_s - self._wall_s()
        if wait_s > 0 and self._is_busy():
            self._metrics.loop_read_waits += 1
            try:
                await asyncio.sleep(wait_s)
            except BaseException:
                self._turn.release()
                raise
        self._began = (self._wall_s(), self._loop_cpu_s())

    async def __aexit__(self, *exc_info: object) -> None:
        """Note what the slice cost, and let the loop do other things."""
        now_s = self._wall_s()
        began_s, began_cpu_s = self._began
        self._free_at_s = now_s + (now_s - began_s) * self._rest_per_work
        self._read_cpu_s += self._loop_cpu_s() - began_cpu_s
        self._metrics.loop_read_slices += 1
        self._turn.release()
        await asyncio.sleep(0)

    def _is_busy(self) -> bool:
        """Tell whether the loop spent a fair part of the last window on other things than lists."""
        now_s, other_s = self._wall_s(), self._loop_cpu_s() - self._read_cpu_s
        began_s, other_began_s = self._window
        if now_s - began_s >= WINDOW_S:
            self._busy = (other_s - other_began_s) / (now_s - began_s) >= BUSY_FROM
            self._window = (now_s, other_s)
        return self._busy


class Pager:
    """Makes pages under one budget."""

    def __init__(self, slice_rows: int, budget: ReadBudget) -> None:
        """Encode `slice_rows` at a time."""
        self._slice_rows = slice_rows
        self._budget = budget

    @property
    def budget(self) -> ReadBudget:
        """Return the budget that each part of a long read is to be taken under."""
        return self._budget

    def parts(
        self, sources: Sequence[S], cheapness: int = 1, *, begin: int = 0, backwards: bool = False
    ) -> Iterator[Sequence[S]]:
        """Cut a snapshot into parts that may be looked through in one go.

        The snapshot itself is never copied: that alone would take as long as some parts.

        Args:
            sources: The snapshot.
            cheapness: How many times cheaper a look is than asking a filter.
            begin: Where the first part begins.
            backwards: The last part first; each keeps the snapshot's order.
        """
        step = self._slice_rows * SCAN_ROWS_PER_ROW * cheapness
        positions = range(begin, len(sources), step)
        for position in reversed(positions) if backwards else positions:
            yield sources[position : position + step]

    async def page(
        self,
        sources: Sequence[S],
        page: PageRequest,
        record: Callable[[S], R],
        row: Callable[[R], dict[str, object]],
    ) -> RowsPage:
        """Make one page of an unfiltered list: a slice of a snapshot.

        Args:
            sources: snapshot of everything, in order.
            page: which rows.
            record: makes the frozen record of one source, on the loop.
            row: formats a record.
        """
        start = (max(page.page, 1) - 1) * page.limit
        wanted = sources[start : start + page.limit]
        rows = await self._encode(wanted, record, row)
        hasnext = len(sources) > start + page.limit
        return RowsPage(rows, len(sources), hasnext)

    async def filtered(
        self,
        sources: Sequence[S],
        page: PageRequest,
        matches: Callable[[S], bool],
        record: Callable[[S], R],
        row: Callable[[R], dict[str, object]],
    ) -> RowsPage:
        """Make one page of the sources that match; `total` is -1, as nobody counts the rest."""
        skip = (max(page.page, 1) - 1) * page.limit
        found: list[S] = []
        scan = self._slice_rows * SCAN_ROWS_PER_ROW
        position = 0
        while position < len(sources) and len(found) <= skip + page.limit:
            async with self._budget:
                found.extend(filter(matches, sources[position : position + scan]))
            position += scan
        rows = await self._encode(found[skip : skip + page.limit], record, row)
        return RowsPage(rows, -1, len(found) > skip + page.limit)

    async def matching(self, sources: Sequence[S], matches: Callable[[S], bool]) -> list[S]:
        """Return all sources that match, for lists whose real count is wanted."""
        found: list[S] = []
        step = self._slice_rows * SCAN_ROWS_PER_ROW
        for position in range(0, len(sources), step):
            async with self._budget:
                found.extend(filter(matches, sources[position : position + step]))
        return found

    async def _encode(
        self,
        sources: Iterable[S],
        record: Callable[[S], R],
        row: Callable[[R], dict[str, object]],
    ) -> bytes:
        parts: list[bytes] = []
        left = iter(sources)
        while True:
            async with self._budget:
                rows = [row(record(source)) for source in islice(left, self._slice_rows)]
                if rows:
                    parts.append(orjson.dumps(rows)[1:-1])
            if len(rows) < self._slice_rows:
                return b",".join(parts)


def encode_now(rows: Iterable[dict[str, object]]) -> bytes:
    """Encode the few rows of a look-up, without slices."""
    return orjson.dumps(list(rows))[1:-1]
