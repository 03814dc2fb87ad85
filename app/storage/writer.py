"""The one thread that writes the journal: a group at a time, until it is safe.

A group that cannot be written is tried again, at growing intervals, until it can: nothing behind it is written before
it, and nobody is told that it is safe. What was compacted away is removed between groups, a piece at a time.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from app.storage.database import JournalDatabase

FIRST_RETRY_S: Final = 0.1
LONGEST_RETRY_S: Final = 5.0

Job = tuple[int, bytes]


class Writer:
    """The thread and what it has to do."""

    def __init__(
        self, database: JournalDatabase, done: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        """Prepare; `start` makes the thread.

        Args:
            database: which from then on belongs to the thread.
            done: called by the thread when the group that was given last is safe.
            failed: called by the thread with a sentence when it could not be written; it is tried again.
        """
        self._database = database
        self._done = done
        self._failed = failed
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self._lowest = 0
        self._at_a_time = 1
        self._keep_from = 0

    def start(self, lowest: int) -> None:
        """Start; `lowest` is the number of the first row there is."""
        self._lowest = self._keep_from = lowest
        self._thread.start()

    def write(self, number: int, body: bytes) -> None:
        """Have a group written; the one before must be done."""
        self._jobs.put((number, body))

    def remove_below(self, number: int, at_a_time: int) -> None:
        """Have rows removed, by and by."""
        self._at_a_time = at_a_time
        self._keep_from = number

    def stop(self, timeout_s: float) -> None:
        """End the thread; what cannot be written then stays unwritten."""
        self._stopping.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                break
            if self._is_written(job):
                self._done()
            self._remove_some()
        self._database.close()

    def _next(self) -> Job | None:
        """Return what is to be written next; use the time until then to remove what nobody needs."""
        while self._lowest < self._keep_from:
            try:
                return self._jobs.get_nowait()
            except queue.Empty:
                self._remove_some()
        return self._jobs.get()

    def _is_written(self, job: Job) -> bool:
        """Write a group; False where the end came before it could be."""
        number, body = job
        delay_s = FIRST_RETRY_S
        add = self._database.add
        while True:
            try:
                add(number, body)
            except SQLAlchemyError as error:
                self._failed(str(self._database.explained(error)))
                self._database.close()
            else:
                return True
            add = self._database.add_again
            if self._stopping.wait(delay_s):
                return False
            delay_s = min(2 * delay_s, LONGEST_RETRY_S)

    def _remove_some(self) -> None:
        if self._lowest >= self._keep_from:
            return
        upto = min(self._lowest + self._at_a_time, self._keep_from)
        try:
            self._database.remove_below(upto)
        except SQLAlchemyError as error:
            # The rows are no harm, and the next compaction removes them. A lost connection shows with the next group.
            self._failed(str(self._database.explained(error)))
            self._lowest = self._keep_from
            return
        self._lowest = upto
