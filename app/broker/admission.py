"""How clients come in and go: for a share of each turn of the loop, so that a storm of them keeps nobody else waiting.

Theory: letting one client in, subscribing it, or seeing it off costs as much as dozens of messages, and thousands may
come, subscribe or go in the same instant. So a turn spends no more than a slice of time on them; who finds it used up
waits in line for the next turn, is not read from meanwhile, and costs an entry in a queue. Between two slices those who
are connected have their turn. Nothing is slowed down: where nobody else has anything to do the next slice begins at
once.

The same line bounds how many logins are waited for at a time, so that those that have begun are decided before their
time is up, instead of all of them too late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from app.broker.metrics import Metrics
from app.clock import Clock
from app.config import BrokerConfig

Step = Callable[[], None]
T = TypeVar("T")

END_COSTS_S: Final = 20e-6
"""What the end of a connection costs behind our back: the socket is closed in a later turn."""


class Admission:
    """The line at the door of all listeners; to be used on the loop only."""

    __slots__ = (
        "_clock",
        "_coming",
        "_config",
        "_first",
        "_is_due",
        "_left_s",
        "_logins",
        "_loop",
        "_metrics",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, config: BrokerConfig, metrics: Metrics
    ) -> None:
        """Begin with nobody in line."""
        self._loop = loop
        self._clock = clock
        self._config = config
        self._metrics = metrics
        self._coming: deque[Step] = deque()
        self._first: deque[Step] = deque()
        """Of those who go or are in: who goes makes room for who comes."""
        self._logins = 0
        """How many are waited for."""
        self._left_s = config.admission_slice_s
        """Of this turn."""
        self._is_due = False

    @property
    def waiting(self) -> int:
        """Return how many are in line to come in."""
        return len(self._coming)

    def let_in(self, step: Step) -> bool:
        """Obey what a newcomer says, now or when it is its turn; tells whether that was now."""
        has_place = self._has_place()
        if has_place and self._left_s > 0 and not self._coming:
            self._take(step)
            return True
        metrics = self._metrics
        metrics.admission_waits += 1
        if not has_place:
            metrics.admission_waits_for_logins += 1
        self._coming.append(step)
        self._see_to_it()
        return False

    def do(self, step: Step, behind_s: float = 0.0) -> bool:
        """See somebody off, or subscribe him, now or when it is his turn; tells whether that was now.

        Args:
            step: What is to be done.
            behind_s: What it costs beside the time that it takes.
        """
        if self.has_room():
            self._take(step)
            self._left_s -= behind_s
            return True
        self._first.append(step)
        self._see_to_it()
        return False

    def has_room(self) -> bool:
        """Tell whether something of those who are in, or go, may be done in this turn."""
        return self._left_s > 0 and not self._first

    def charge(self, step: Callable[[], T]) -> T:
        """Take a step now and have it count; return what it returns."""
        self._see_to_it()
        began_s = self._clock.monotonic_s()
        found = step()
        self._left_s -= self._clock.monotonic_s() - began_s
        return found

    def login_begins(self) -> None:
        """Hear that a newcomer's login has to be waited for."""
        self._logins += 1

    def login_ends(self) -> None:
        """Hear that it is decided: the next one may begin."""
        self._logins -= 1
        if self._coming:
            self._see_to_it()

    def _has_place(self) -> bool:
        most = self._config.max_pending_logins
        return not most or self._logins < most

    def _take(self, step: Step) -> None:
        self._see_to_it()
        left_s = self._left_s
        began_s = self._clock.monotonic_s()
        step()
        # What the step itself has charged is part of its time.
        self._left_s = left_s - (self._clock.monotonic_s() - began_s)

    def _see_to_it(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Spend the slice of a new turn on those who are in line."""
        self._is_due = False
        self._left_s = self._config.admission_slice_s
        while self._left_s > 0:
            if self._first:
                self._take(self._first.popleft())
                self._left_s -= END_COSTS_S
            elif self._coming and self._has_place():
                self._take(self._coming.popleft())
            else:
                return
