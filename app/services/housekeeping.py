"""What has to be done now and then in the request world: a thread that does it once a minute.

It touches the database and the nodes' door, never the loop's state.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

EVERY_S = 60.0


class Housekeeping:
    """Runs chores in turn; one that fails is logged and tried again the next time."""

    def __init__(self, chores: Sequence[Callable[[], object]]) -> None:
        """Take the chores; `start` begins."""
        self._chores = chores
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, a minute from now."""
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
            try:
                chore()
            except Exception:
                logger.exception("A chore failed: %s", getattr(chore, "__qualname__", chore))

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            self.do_chores()
