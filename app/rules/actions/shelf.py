"""The part of the outbox that is one action's: its results wait on disk, and a window of them in its queue.

Theory: a result goes to disk first and to the queue when it is there, so what was acknowledged can be found again. The
queue holds a window; while there is more on disk than in the window, newcomers stay on disk only and are read in their
order when there is room. What stood on disk when the action began is counted first; until that is known, newcomers
are part of what is counted. To be used on the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.clock import Clock
from app.rules.actions.queue import ActionQueue, Item, Job
from app.rules.metrics import ActionMetrics
from app.rules.outbox.file import Outbox, Owner, Waiting
from app.rules.outbox.letters import NotReadable, read, written

PENDING_MAX = 20_000
"""Results that are on their way to disk."""

Settle = Callable[[Item, str], bool]
"""Told what became of an item: what went wrong, or an empty text. Says whether it is a dead letter now."""


class Shelf:
    """Results of one action on disk."""

    def __init__(
        self,
        outbox: Outbox,
        owner: Owner,
        queue: ActionQueue,
        metrics: ActionMetrics,
        clock: Clock,
        max_len: int,
    ) -> None:
        """Be empty; `open` finds what is there.

        Args:
            outbox: The file.
            owner: Whose results they are.
            queue: Delivers them.
            metrics: Counted here: `recovered`, and what waits on disk only as `queued`.
            clock: Tells how old they are.
            max_len: The most that may wait.
        """
        self._outbox = outbox
        self._owner = owner
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._max_len = max_len
        self._pending = 0
        self._on_disk_only = 0
        self._last_in_queue = 0
        self._is_counted = False
        self._is_reading = False
        self._is_closed = False
        self._settle: Settle = lambda _item, _reason: False
        self._key_of: Callable[[Item], str | None] = lambda _item: None

    def open(self, settle: Settle, key_of: Callable[[Item], str | None]) -> None:
        """Find what stands on disk, and begin to deliver it.

        Args:
            settle: Told what became of each item.
            key_of: Says whose order an item is part of.
        """
        self._settle, self._key_of = settle, key_of
        self._outbox.count(self._owner, self._counted)

    def close(self) -> None:
        """Let go; what is on disk stays there."""
        self._is_closed = True
        self._metrics.queued -= self._on_disk_only
        self._on_disk_only = 0

    def put(self, item: Item) -> None:
        """Keep an item, and have it delivered when it is safe.

        Raises:
            NotWritable: It cannot be kept.
        """
        letter = written(item)
        self._pending += 1
        self._outbox.put(
            self._owner, self._clock.wall_ms(), letter, lambda got: self._kept(item, got)
        )

    @property
    def is_full(self) -> bool:
        """Tell whether there is no room for another item."""
        waiting = self._pending + self._on_disk_only + len(self._queue)
        return waiting >= self._max_len or self._pending >= PENDING_MAX

    def _counted(self, count: Any) -> None:
        if self._is_closed or not isinstance(count, int):
            return
        self._is_counted = True
        self._on_disk_only = count
        self._metrics.queued += count
        self._metrics.recovered += count
        self._fill()

    def _kept(self, item: Item, number: Any) -> None:
        self._pending -= 1
        if self._is_closed or not (self._is_counted or isinstance(number, Exception)):
            return
        if not isinstance(number, int):
            # The disk does not take it; the queue may still.
            self._enqueue(item, 0, 0.0)
        elif self._on_disk_only or not self._queue.room:
            self._on_disk_only += 1
            self._metrics.queued += 1
            self._fill()  # where what stands before it could not be read, nobody else would try again
        else:
            self._last_in_queue = number
            self._enqueue(item, number, 0.0)

    def _enqueue(self, item: Item, number: int, since_s: float) -> None:
        def done(reason: str) -> None:
            self._done(item, number, reason)

        job = Job(item.output, item.event, done, self._key_of(item), since_s)
        if not self._queue.put(job):
            done("its queue is full")

    def _done(self, item: Item, number: int, reason: str) -> None:
        # What follows is asked for first: it is on disk no later than this one is gone.
        is_dead = self._settle(item, reason)
        if number and is_dead:
            self._outbox.give_up(number, reason, self._clock.wall_ms())
        elif number:
            self._outbox.forget(number)
        elif is_dead:
            now_ms = self._clock.wall_ms()
            self._outbox.bury(self._owner, now_ms, now_ms, reason, written(item))
        if self._on_disk_only and not self._is_closed:
            self._fill()

    def _fill(self) -> None:
        room = self._queue.room
        if self._is_reading or not self._on_disk_only or room * 2 < self._queue.max_len:
            return
        self._is_reading = True
        self._outbox.page(self._owner, self._last_in_queue, room, self._read)

    def _read(self, rows: Any) -> None:
        self._is_reading = False
        if self._is_closed or isinstance(rows, Exception):
            return
        self._take(rows)

    def _take(self, rows: Sequence[Waiting]) -> None:
        age_base_s, now_ms = self._clock.monotonic_s(), self._clock.wall_ms()
        # Dead letters that are tried once more may have taken the room in the meantime.
        for row in rows[: self._queue.room]:
            self._on_disk_only -= 1
            self._metrics.queued -= 1
            self._last_in_queue = row.number
            try:
                item = read(row.letter)
            except NotReadable as error:
                self._outbox.give_up(row.number, f"it cannot be read: {error}", now_ms)
                continue
            since_s = age_base_s - max(0, now_ms - row.made_at_ms) / 1_000
            self._enqueue(item, row.number, since_s)
        if rows:
            self._fill()
