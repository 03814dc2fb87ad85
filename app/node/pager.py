"""Long reads on the loop, in slices: records in, encoded rows out.

A list is made some rows at a time, and lists together take no more than a share of the loop's time, so that MQTT
never waits for one longer than a slice. Why on the loop at all: docs/design/interpreter-lock.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from types import coroutine
from typing import Any, TypeVar

import orjson

from app.broker.metrics import Metrics
from app.node.proxy import PageRequest, RowsPage

S = TypeVar("S")
R = TypeVar("R")
T = TypeVar("T")

BUSY_FROM = 0.10
"""A loop that takes less than this share of a core for MQTT has time for lists."""
WINDOW_S = 0.05
"""How often that share is measured, while anybody asks for lists; after a pause it is that of the pause."""
SLICE_S = 0.001
"""A slice ends after this time, though there are rows left: neither rows nor machines are alike."""


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
        self._began_s = 0.0
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
        self._began_s = self._wall_s()

    async def __aexit__(self, *exc_info: object) -> None:
        """Note how long the slice took, and let the loop do other things."""
        now_s = self._wall_s()
        self._free_at_s = now_s + (now_s - self._began_s) * self._rest_per_work
        self._metrics.loop_read_slices += 1
        self._turn.release()
        await asyncio.sleep(0)

    def is_used_up(self) -> bool:
        """Tell whether the slice that is being made has taken as long as one may."""
        return self._wall_s() - self._began_s >= SLICE_S

    @coroutine
    def counted(self, reading: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        """Run the making of a list, all of which counts as that of lists, and nothing as the loop's other work.

        Slices are not all there is to it: copies of a fleet are made and forgotten, rows are joined.

        Args:
            reading: Makes a list, slice by slice.
        """
        step = partial(reading.send, None)
        while True:
            began_cpu_s = self._loop_cpu_s()
            try:
                waited_for = step()
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            finally:
                self._read_cpu_s += self._loop_cpu_s() - began_cpu_s
            try:
                step = partial(reading.send, (yield waited_for))
            except BaseException as error:  # noqa: BLE001 - it is for the one who waits
                step = partial(reading.throw, error)

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
        """Encode at most `slice_rows` at a time."""
        self._slice_rows = slice_rows
        self._budget = budget

    @property
    def budget(self) -> ReadBudget:
        """Return the budget that each part of a long read is to be taken under."""
        return self._budget

    async def look_through(
        self,
        sources: Sequence[S],
        look: Callable[[Sequence[S]], bool],
        cheapness: int = 1,
        *,
        begin: int = 0,
        backwards: bool = False,
    ) -> None:
        """Show a snapshot to somebody, part by part, until he has seen enough or all of it.

        Args:
            sources: The snapshot.
            look: Is shown each part; True where no other is wanted.
            cheapness: How many times cheaper a look is than asking a filter.
            begin: Where the first part begins.
            backwards: The last part first; each keeps the snapshot's order.
        """
        parts = self._parts(sources, self._slice_rows * cheapness, begin, backwards)
        ended = False
        while not ended:
            async with self._budget:
                ended = self._look_at_some(parts, look)

    def _look_at_some(
        self, parts: Iterator[Sequence[S]], look: Callable[[Sequence[S]], bool]
    ) -> bool:
        """Show as many parts as a slice has time for, one at least; True when no other is wanted or there."""
        for part in parts:
            if look(part):
                return True
            if self._budget.is_used_up():
                return False
        return True

    @staticmethod
    def _parts(
        sources: Sequence[S], step: int, begin: int, backwards: bool
    ) -> Iterator[Sequence[S]]:
        # The snapshot itself is never copied: that alone would take as long as some slices.
        positions = range(begin, len(sources), step)
        for position in reversed(positions) if backwards else positions:
            yield sources[position : position + step]

    async def forget(self, snapshot: list[S]) -> None:
        """Let go of a snapshot in a slice of its own: with a large fleet that takes as long as to make it."""
        async with self._budget:
            snapshot.clear()

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
        wanted = sources[page.start : page.end]
        rows = await self.rows(wanted, len(wanted), record, row)
        hasnext = len(sources) > page.end
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
        found: list[S] = []

        def look(part: Sequence[S]) -> bool:
            found.extend(filter(matches, part))
            return len(found) > page.end

        await self.look_through(sources, look)
        shown = found[page.start : page.end]
        rows = await self.rows(shown, len(shown), record, row)
        return RowsPage(rows, -1, len(found) > page.end)

    async def matching(self, sources: Sequence[S], matches: Callable[[S], bool]) -> list[S]:
        """Return all sources that match, for lists whose real count is wanted."""
        found: list[S] = []

        def look(part: Sequence[S]) -> bool:
            found.extend(filter(matches, part))
            return False

        await self.look_through(sources, look)
        return found

    async def rows(
        self,
        sources: Iterable[S],
        count: int,
        record: Callable[[S], R],
        row: Callable[[R], dict[str, object]],
    ) -> bytes:
        """Make and encode the rows of a page, slice by slice.

        Args:
            sources: What is shown.
            count: How many they are.
            record: As for `page`.
            row: As for `page`.
        """
        parts: list[bytes] = []
        made = 0
        left = map(row, map(record, sources))
        while made < count:
            async with self._budget:
                rows = self._some(left)
                parts.append(orjson.dumps(rows)[1:-1])
            made += len(rows)
        return b",".join(parts)

    def _some(self, left: Iterator[dict[str, object]]) -> list[dict[str, object]]:
        """Make as many rows as a slice has time and room for, one at least."""
        rows: list[dict[str, object]] = []
        for made in left:
            rows.append(made)
            if len(rows) >= self._slice_rows or self._budget.is_used_up():
                break
        return rows


def cut(everything: dict[Any, S], start: int, count: int) -> list[S]:
    """Copy a part of a table, counted from whichever end is nearer: for a page nobody has to copy the whole.

    Args:
        everything: The table.
        start: How many of its values come before the part.
        count: How many belong to it at most.
    """
    start = min(start, len(everything))
    stop = min(start + count, len(everything))
    behind = len(everything) - stop
    if start <= behind:
        return list(islice(everything.values(), start, stop))
    found = list(islice(reversed(everything.values()), behind, len(everything) - start))
    found.reverse()
    return found


def encode_now(rows: Iterable[dict[str, object]]) -> bytes:
    """Encode the few rows of a look-up, without slices."""
    return orjson.dumps(list(rows))[1:-1]
