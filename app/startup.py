"""Refusing a start with one sentence, and the lock that keeps a second node out.

A leaf: imports nothing from the application. What is looked at before a start is in `start_checks`.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

START_FAILED = 3
"""Exit status of a start that was refused; from a worker it also tells gunicorn not to try again."""

PRIVATE = 0o077
"""The umask of everything that writes to an instance folder: its files are for their owner alone."""
LOCK_FILE = "node.lock"
_ORPHAN_GRACE_S = 20.0
"""How long to wait for a worker whose master was killed: it notices, and stops, within seconds."""


class StartError(Exception):
    """A start that cannot be; the text is one sentence that says what to do."""


def refuse(error: Exception) -> NoReturn:
    """Print the error's sentence for the operator and end the process."""
    sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    raise SystemExit(START_FAILED)


@contextmanager
def private_files() -> Iterator[None]:
    """Have what the process makes within the block be for its owner alone."""
    before = os.umask(PRIVATE)
    try:
        yield
    finally:
        os.umask(before)


class InstanceLock:
    """One node per instance folder: a lock that the kernel lets go of when its process ends."""

    def __init__(self, path: Path) -> None:
        """Lock the file at `path`, later."""
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock and keep it while the process lives.

        Raises:
            StartError: Another node has it.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise self._held() from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {os.getppid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let go of the lock; the file stays, since removing it would race with the next node."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def check_free(self) -> None:
        """Look whether the lock can be had; wait for a node whose own master is gone.

        Raises:
            StartError: Another node has it.
        """
        deadline = time.monotonic() + _ORPHAN_GRACE_S
        while True:
            try:
                self.acquire()
            except StartError:
                if not self._holder_is_orphan() or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)  # noqa: TID251 - no loop and no broker here yet
            else:
                self.release()
                return

    def _holder(self) -> list[int]:
        """Return what the holder wrote: its process id and its parent's."""
        try:
            return [int(word) for word in self._path.read_text().split()]
        except (OSError, ValueError):
            return []

    def _held(self) -> StartError:
        holder = self._holder()
        who = f"process {holder[0]}" if holder else "another process"
        return StartError(
            f"Stop the node that uses the instance folder {self._path.parent} ({who}), "
            "or set GODWIT_INSTANCE to another folder."
        )

    def _holder_is_orphan(self) -> bool:
        holder = self._holder()
        return len(holder) == 2 and not Path(f"/proc/{holder[1]}").exists()
