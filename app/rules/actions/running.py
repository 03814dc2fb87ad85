"""An action at work: it counts, hands over to its queue where its target answers later, falls back, and goes on.

What is finally given up, and taken by no fallback, becomes a dead letter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.clock import Clock
from app.rules.actions.base import ActionSpec, Now
from app.rules.actions.delivery import Delivery
from app.rules.actions.queue import ActionQueue, Item, Job, Values
from app.rules.actions.shelf import Shelf
from app.rules.complaints import Complaints
from app.rules.errors import ActionFailed
from app.rules.metrics import ActionMetrics
from app.rules.outbox.file import Outbox, Owner
from app.rules.outbox.letters import NotWritable, written
from app.rules.terms.scope import Columns

logger = logging.getLogger(__name__)

_FULL = "its queue is full"
NO_COLUMNS: Final = Columns()
"""For work that does not look at them."""

Replayed = Callable[[str | None], None]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the actions of one rule keep what has to outlive them."""

    outbox: Outbox
    rule_id: str
    clock: Clock
    max_len: int
    """Of what waits on disk, an action."""


class RunningAction:
    """One action of one rule. To be used on the loop."""

    def __init__(
        self,
        spec: ActionSpec,
        work: Now | Delivery | None,
        fallbacks: Sequence[RunningAction],
        keeping: Keeping | None = None,
    ) -> None:
        """Be ready, and begin to deliver what stands on disk.

        Args:
            spec: As it is stored.
            work: What it does; None where nobody here knows how to do that any more.
            fallbacks: Taken where it fails.
            keeping: Where it keeps results; None keeps nothing.
        """
        self.spec = spec
        self.id = spec.id
        self.metrics = ActionMetrics()
        self.fallbacks = tuple(fallbacks)
        self.successor: RunningAction | None = None
        """Taken when this one has succeeded, where actions wait for each other."""
        self.complaints = Complaints(logger, f"The action {spec.id}")
        self._work = work
        self._keeping = keeping
        self._queue: ActionQueue | None = None
        self._replays: set[Replayed] = set()
        """Told of dead letters that are being tried once more."""
        self._shelf: Shelf | None = None
        if isinstance(work, Delivery):
            self._queue = ActionQueue(work.lanes, work.limits, self.metrics)
            if keeping is not None:
                self._shelf = self._opened_shelf(keeping, self._queue)

    def _opened_shelf(self, keeping: Keeping, queue: ActionQueue) -> Shelf:
        owner = Owner(keeping.rule_id, self.id)
        shelf = Shelf(keeping.outbox, owner, queue, self.metrics, keeping.clock, keeping.max_len)
        # Also where it keeps nothing on disk now: there may be something of earlier.
        shelf.open(self._settle, self._key_of)
        return shelf

    @property
    def publishes(self) -> bool:
        """Tell whether it may publish before `take` returns."""
        return isinstance(self._work, Now) and self._work.publishes

    @property
    def is_known(self) -> bool:
        """Tell whether this node knows how to do its work."""
        return self._work is not None

    def take(self, output: Values, event: Columns) -> None:
        """Do the work for one result, now or later."""
        metrics = self.metrics
        metrics.taken += 1
        if self._queue is None:
            reason = self._do_now(output, event)
            if reason:
                self._settle(Item(output, event), reason)
                return
            metrics.success += 1
            if self.successor is not None:
                self.successor.take(output, event)
            return
        item = Item(output, event)
        if not self._takes_to_disk(item):
            self._enqueue(self._queue, item)

    @property
    def looks_at_results_only(self) -> bool:
        """Tell whether neither it nor who comes after it asks what event a result is of."""
        return (
            isinstance(self._work, Now)
            and not self._work.needs_event
            and self.successor is None
            and not self.fallbacks
        )

    def take_all(self, outputs: Iterable[Values | None]) -> None:
        """Do the work for many results, if it looks at these only; None is none."""
        work = self._work
        assert isinstance(work, Now)
        do = work.do
        succeeded = 0
        for output in outputs:
            if output is None:
                continue
            try:
                do(output, NO_COLUMNS)
            except Exception as error:  # noqa: BLE001 - the reason says which
                self.metrics.taken += 1
                self._settle(Item(output, NO_COLUMNS), self._reason(error))
            else:
                succeeded += 1
        self.metrics.taken += succeeded
        self.metrics.success += succeeded

    def _takes_to_disk(self, item: Item) -> bool:
        shelf = self._shelf
        if shelf is None or not (isinstance(self._work, Delivery) and self._work.is_on_disk):
            return False
        if shelf.is_full:
            self.metrics.dropped += 1
            self._settle(item, _FULL)
        else:
            self._shelve(shelf, item)
        return True

    def _shelve(self, shelf: Shelf, item: Item) -> None:
        try:
            shelf.put(item)
        except NotWritable as error:
            if self._settle(item, str(error)):
                self._cannot_be_kept()

    def _enqueue(self, queue: ActionQueue, item: Item) -> None:
        def done(reason: str) -> None:
            if self._settle(item, reason):
                self._bury(item, reason)

        if not queue.put(Job(item.output, item.event, done, self._key_of(item))):
            self._settle(item, _FULL)

    def replay(self, item: Item, done: Replayed) -> bool:
        """Try a dead letter once more, without fallbacks.

        Args:
            item: What was given up.
            done: Called once with what went wrong: an empty text where nothing did, None where the action ended first.

        Returns:
            False where there is no room for it now, or nobody to do the work.
        """
        if self._queue is None:
            return False

        def settle(reason: str) -> None:
            self._replays.discard(done)
            if reason:
                self.metrics.failed += 1
            else:
                self._succeeded(item)
            done(reason)

        is_taken = bool(self._queue.room) and self._queue.put(
            Job(item.output, item.event, settle, self._key_of(item))
        )
        if is_taken:
            self._replays.add(done)
            self.metrics.taken += 1
        return is_taken

    def _key_of(self, item: Item) -> str | None:
        key = self._work.key if isinstance(self._work, Delivery) else None
        try:
            return None if key is None else key(item.output)
        except ActionFailed:
            # No text can be made of it; such results are in order among themselves.
            return ""

    def _do_now(self, output: Values, event: Columns) -> str:
        """Do the work; return what went wrong."""
        if not isinstance(self._work, Now):
            return f"there is no action {self.spec.name} on this node now"
        try:
            self._work.do(output, event)
        except Exception as error:  # noqa: BLE001 - the reason says which
            return self._reason(error)
        return ""

    def _reason(self, error: Exception) -> str:
        """Return what an action that does its work at once failed of."""
        if isinstance(error, ActionFailed):
            return str(error)
        # Whatever it is, the rule and the message's publisher have nothing to do with it.
        logger.error("The action %s failed", self.id, exc_info=error)
        return type(error).__name__

    def _settle(self, item: Item, reason: str) -> bool:
        """Take what became of an item; tell whether it is given up, with nobody else to take it."""
        if not reason:
            self._succeeded(item)
            return False
        self.metrics.failed += 1
        self.complaints.note(reason)
        for fallback in self.fallbacks:
            fallback.take(item.output, item.event)
        is_dead = not self.fallbacks and reason != _FULL
        if is_dead and self._keeping is not None and self._queue is not None:
            self.metrics.dead_letters += 1
        return is_dead

    def _succeeded(self, item: Item) -> None:
        self.metrics.success += 1
        if self.successor is not None:
            self.successor.take(item.output, item.event)

    def _bury(self, item: Item, reason: str) -> None:
        keeping = self._keeping
        if keeping is not None:
            now_ms = keeping.clock.wall_ms()
            made_at_ms = item.event["timestamp"]
            if not isinstance(made_at_ms, int):
                made_at_ms = now_ms
            owner = Owner(keeping.rule_id, self.id)
            try:
                keeping.outbox.bury(owner, made_at_ms, now_ms, reason, written(item))
            except NotWritable:
                self._cannot_be_kept()

    def _cannot_be_kept(self) -> None:
        """Take back that there is another dead letter."""
        self.metrics.dead_letters -= 1

    def walk(self) -> Iterator[RunningAction]:
        """Yield it and its fallbacks, all levels of them."""
        yield self
        for fallback in self.fallbacks:
            yield from fallback.walk()

    def close(self) -> None:
        """Give up what waits in memory; what is on disk stays there."""
        for one in self.walk():
            one._close_queue()  # noqa: SLF001 - one of our own kind

    def _close_queue(self) -> None:
        if self._shelf is not None:
            self._shelf.close()
        if self._queue is not None:
            self._queue.close()
        replays, self._replays = self._replays, set()
        for done in replays:
            done(None)


def in_line(
    actions: Sequence[RunningAction], *, stop_at_failure: bool
) -> tuple[RunningAction, ...]:
    """Put the actions of a rule in line.

    Args:
        actions: All of them.
        stop_at_failure: Whether each one waits until the one before it has succeeded.

    Returns:
        Those that take a result at once.
    """
    for action, successor in zip(actions, (*actions[1:], None), strict=False):
        action.successor = successor if stop_at_failure else None
    return tuple(actions[:1]) if stop_at_failure else tuple(actions)
