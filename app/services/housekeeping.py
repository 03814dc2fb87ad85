"""What has to be done now and then in the request world: a thread that does it, each chore at its own interval.

It touches the database and the nodes' door, never the loop's state.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

logger = logging.getLogger(__name__)

EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so many seconds."""

    do: Callable[[], object]
    every_s: float = EVERY_S


class Housekeeping:
    """Runs chores in turn; one that fails is logged and tried again the next time."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        """Take the chores; `start` begins."""
        self._chores = chores
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; each chore is done for the first time when its interval has passed."""
        if not self._chores:
            return
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the chore in progress. Doing it twice is no error."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def do_chores(self) -> None:
        """Do every chore once."""
        for chore in self._chores:
            _do(chore)

    def _run(self) -> None:
        due_s = [time.monotonic() + chore.every_s for chore in self._chores]
        while not self._stopped.wait(max(0.0, min(due_s) - time.monotonic())):
            now_s = time.monotonic()
            for index, chore in enumerate(self._chores):
                if due_s[index] <= now_s and not self._stopped.is_set():
                    _do(chore)
                    # A thread that was held up does not catch up on what it missed.
                    due_s[index] = max(due_s[index] + chore.every_s, time.monotonic())


def _do(chore: Chore) -> None:
    try:
        chore.do()
    except Exception:
        logger.exception("A chore failed: %s", getattr(chore.do, "__qualname__", chore.do))
