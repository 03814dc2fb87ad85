"""The way of trace lines to their files: a thread that writes, so that the loop never waits for a disk.

It lives while there is something to write, and knows neither traces nor the broker.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 2.0

_Job = tuple[Path, bytes] | Path | threading.Event | None
"""Bytes for a file, a file to remove, somebody to be told that all before is done, or the end."""


class TraceFiles:
    """Appends bytes to files in the order in which they came."""

    def __init__(self) -> None:
        """Write nothing yet."""
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Begin to write. Doing it twice is no error."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End when all that was said is written; nobody waits for it."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread = None

    def append(self, path: Path, data: bytes) -> None:
        """Have bytes appended."""
        self._jobs.put((path, data))

    def remove(self, path: Path) -> None:
        """Have a file removed; one that is not there is no error."""
        if self._thread is None:
            path.unlink(missing_ok=True)
        else:
            self._jobs.put(path)

    def flush(self) -> None:
        """Wait, for a while at most, until all that was said is written. Not for the loop."""
        if self._thread is not None:
            done = threading.Event()
            self._jobs.put(done)
            done.wait(FLUSH_TIMEOUT_S)

    def _run(self) -> None:
        while self._write(self._taken()):
            pass

    def _taken(self) -> list[_Job]:
        """Return what waits, once something does."""
        jobs = [self._jobs.get()]
        with suppress(Empty):
            while jobs[-1] is not None:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _write(self, jobs: list[_Job]) -> bool:
        """Do what is asked, with one write a file where nothing comes between; False at the end."""
        pending: dict[Path, list[bytes]] = {}
        for job in jobs:
            if isinstance(job, tuple):
                pending.setdefault(job[0], []).append(job[1])
                continue
            _append_all(pending)
            pending.clear()
            if isinstance(job, Path):
                with suppress(OSError):
                    job.unlink()
            elif isinstance(job, threading.Event):
                job.set()
            else:
                return False
        _append_all(pending)
        return True


def _append_all(pending: dict[Path, list[bytes]]) -> None:
    for path, parts in pending.items():
        try:
            with path.open("ab") as file:
                file.write(b"".join(parts))
        except OSError as error:
            logger.warning("A trace cannot be written to %s: %s", path.name, error.strerror)
