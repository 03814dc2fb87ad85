"""A circuit breaker: a backend that does not answer is left alone for a while, and nobody waits for it meanwhile.

Closed, questions pass, each with a time limit. After some failures in a row it opens: questions are refused at once.
When the pause is over one question is let through to try; its answer closes the breaker, its failure doubles the pause.

It knows neither drivers nor what is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from app.clock import Clock

logger = logging.getLogger(__name__)

T = TypeVar("T")

COMPLAIN_EVERY_S = 60.0
"""How often the log says that a backend answers with errors."""


class State(Enum):
    """Whether questions pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One question is on its way to try the backend."""


class UnavailableError(Exception):
    """The backend gave no answer, or was not asked; whoever wanted one decides by policy."""


class BackendError(Exception):
    """The backend is there and answers, with an error; one sentence without secrets."""


class BusyError(BackendError):
    """The backend answers, with an error that may pass: the same question may do better later."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When it opens and for how long."""

    timeout_s: float = 5.0
    """How long one question may take."""
    failures: int = 3
    """In a row, until it opens."""
    pause_s: float = 1.0
    """Until the first try."""
    max_pause_s: float = 30.0


def _nothing() -> None:
    """Hear of a change, and do nothing about it."""


class CircuitBreaker:
    """The breaker in front of one backend; to be used on the loop only."""

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy,
        clock: Clock,
        on_open: Callable[[], None] = _nothing,
        on_recovery: Callable[[], None] = _nothing,
    ) -> None:
        """Start closed.

        Args:
            name: What the log calls the backend.
            policy: When it opens.
            clock: Tells when a pause is over.
            on_open: Told when it opens.
            on_recovery: Told with the first answer after any failure, so that verdicts without one can be forgotten.
        """
        self.state = State.CLOSED
        self.opened = 0
        self.failed = 0
        """Questions that got no answer."""
        self.refused = 0
        """Questions that were not asked."""
        self._name = name
        self._policy = policy
        self._clock = clock
        self._on_open = on_open
        self._on_recovery = on_recovery
        self._in_a_row = 0
        self._has_failed = False
        self._complained_at_s = -COMPLAIN_EVERY_S
        self._pause_s = policy.pause_s
        self._try_at_s = 0.0
        self._opened_at_s = 0.0
        self._refused_since = 0

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the backend.

        Args:
            ask: Puts the question; `BackendError` is an answer, anything else that it raises is none.

        Raises:
            UnavailableError: There is no answer, or the backend was not asked.
            BackendError: The backend answered with an error.
        """
        self._admit()
        is_trial = self.state is State.HALF_OPEN
        try:
            async with asyncio.timeout(self._policy.timeout_s):
                answer = await ask()
        except BackendError as error:
            self._complain(error)
            self._answered()
            raise
        except Exception as error:
            self._failed(error)
            raise UnavailableError(self._name) from error
        except asyncio.CancelledError:
            # Nobody waits any more, which says nothing about the backend; but somebody else must be able to try.
            if is_trial:
                self.state = State.OPEN
            raise
        self._answered()
        return answer

    @property
    def pause_s(self) -> float:
        """Return how long after a failure the next try is."""
        return self._pause_s

    def check(self) -> None:
        """Refuse what would not be asked anyhow, before it waits for anything.

        Raises:
            UnavailableError: The backend is left alone at the moment.
        """
        is_due = self.state is State.OPEN and self._clock.monotonic_s() >= self._try_at_s
        if self.state is not State.CLOSED and not is_due:
            self.refused += 1
            raise UnavailableError(self._name)

    def _admit(self) -> None:
        self.check()
        if self.state is State.OPEN:
            self.state = State.HALF_OPEN

    def _answered(self) -> None:
        self._in_a_row = 0
        self._close()
        if self._has_failed:
            self._has_failed = False
            self._on_recovery()

    def _complain(self, error: BackendError) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._complained_at_s >= COMPLAIN_EVERY_S:
            self._complained_at_s = now_s
            logger.warning("%s answers with an error: %s", self._name, error)

    def _close(self) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self._pause_s = self._policy.pause_s
        logger.warning(
            "%s answers again after %d seconds; %d questions were refused meanwhile",
            self._name,
            self._clock.monotonic_s() - self._opened_at_s,
            self.refused - self._refused_since,
        )

    def _failed(self, error: Exception) -> None:
        self.failed += 1
        self._in_a_row += 1
        self._has_failed = True
        now_s = self._clock.monotonic_s()
        if self.state is State.HALF_OPEN:
            self._pause_s = min(self._pause_s * 2, self._policy.max_pause_s)
        elif self.state is State.OPEN or self._in_a_row < self._policy.failures:
            # One that was on its way already when it opened says nothing new.
            return
        else:
            self.opened += 1
            self._pause_s = self._policy.pause_s
            self._opened_at_s = now_s
            self._refused_since = self.refused
            logger.error(
                "%s does not answer and is left alone for a while: %s",
                self._name,
                str(error) or type(error).__name__,
            )
        self.state = State.OPEN
        self._try_at_s = now_s + self._pause_s
        self._on_open()
