"""An action at work: it counts, hands over to its queue where its target answers later, and falls back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from app.rules.actions.base import ActionSpec, Now
from app.rules.actions.delivery import Delivery
from app.rules.actions.queue import ActionQueue, Job, Values
from app.rules.complaints import Complaints
from app.rules.errors import ActionFailed
from app.rules.metrics import ActionMetrics
from app.rules.terms.scope import Columns

logger = logging.getLogger(__name__)

Done = Callable[[bool], None]
"""Told whether the action did its work."""


def nobody_waits(_succeeded: bool) -> None:
    """Hear how an action went, and go on as before."""


class RunningAction:
    """One action of one rule. To be used on the loop."""

    def __init__(
        self,
        spec: ActionSpec,
        work: Now | Delivery | None,
        fallbacks: Sequence[RunningAction],
    ) -> None:
        """Be ready.

        Args:
            spec: As it is stored.
            work: What it does; None where nobody here knows how to do that any more.
            fallbacks: Taken where it fails.
        """
        self.spec = spec
        self.id = spec.id
        self.metrics = ActionMetrics()
        self.fallbacks = tuple(fallbacks)
        self._complaints = Complaints(logger, f"The action {spec.id}")
        self._work = work
        self._queue: ActionQueue | None = None
        if isinstance(work, Delivery):
            self._queue = ActionQueue(work.lanes, work.limits, self.metrics)

    @property
    def is_known(self) -> bool:
        """Tell whether this node knows how to do its work."""
        return self._work is not None

    def take(self, output: Values, event: Columns, done: Done = nobody_waits) -> None:
        """Do the work for one result, now or later."""
        self.metrics.taken += 1

        def settle(reason: str) -> None:
            if reason:
                self._failed(reason, output, event)
            else:
                self.metrics.success += 1
            done(not reason)

        if self._queue is None:
            settle(self._do_now(output, event))
            return
        job = Job(output, event, settle)
        try:
            job.key = self._key_of(output)
        except ActionFailed as error:
            settle(str(error))
            return
        if not self._queue.put(job):
            settle("its queue is full")

    def _key_of(self, output: Values) -> str | None:
        key = self._work.key if isinstance(self._work, Delivery) else None
        return None if key is None else key(output)

    def _do_now(self, output: Values, event: Columns) -> str:
        if not isinstance(self._work, Now):
            return f"there is no action {self.spec.name} on this node now"
        try:
            self._work.do(output, event)
        except ActionFailed as error:
            return str(error)
        except Exception as error:
            # Whatever it is, the rule and the message's publisher have nothing to do with it.
            logger.exception("The action %s failed", self.id)
            return type(error).__name__
        return ""

    def _failed(self, reason: str, output: Values, event: Columns) -> None:
        self.metrics.failed += 1
        self._complaints.note(reason)
        for fallback in self.fallbacks:
            fallback.take(output, event)

    def walk(self) -> Iterator[RunningAction]:
        """Yield it and its fallbacks, all levels of them."""
        yield self
        for fallback in self.fallbacks:
            yield from fallback.walk()

    def close(self) -> None:
        """Give up what waits."""
        for one in self.walk():
            if one._queue is not None:  # noqa: SLF001 - one of our own kind
                one._queue.close()  # noqa: SLF001 - the same


def take_all(
    actions: Sequence[RunningAction], output: Values, event: Columns, *, stop_at_failure: bool
) -> None:
    """Have actions take a result: all at once, or each one when the one before it has succeeded."""
    if not stop_at_failure:
        for action in actions:
            action.take(output, event)
    elif actions:

        def go_on(succeeded: bool) -> None:
            if succeeded:
                take_all(actions[1:], output, event, stop_at_failure=True)

        actions[0].take(output, event, go_on)
