"""A file that grows by lines, written by a thread of its own: durable when said to be taken, rotated when full.

Lines are whole or not there: what the disk did not take whole is cut off again.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from app.backends.breaker import BusyError

END = b"\n"
_MODE = 0o640


class LineFile:
    """One file. Its methods are for the loop; the thread is the only one that touches the file."""

    def __init__(self, path: Path, most_bytes: int, kept: int) -> None:
        """Open nothing yet.

        Args:
            path: Of the file; it is made where there is none.
            most_bytes: From which on a new one is begun.
            kept: How many full ones are kept, as `name.1` (the latest), `name.2` and so on.
        """
        self._path = path
        self._most_bytes = most_bytes
        self._kept = kept
        self._thread = ThreadPoolExecutor(1, "line-file")
        self._descriptor: int | None = None

    async def append(self, lines: Sequence[bytes]) -> None:
        """Have lines written, all of them or none.

        Raises:
            BusyError: The file does not take them now.
        """
        data = b"".join(line + END for line in lines)
        await self._in_thread(lambda: self._append(data))

    async def check(self) -> None:
        """Open the file, where it is not open.

        Raises:
            BusyError: It cannot be opened.
        """
        await self._in_thread(self._look)

    async def probe(self) -> None:
        """See whether it can be opened, by whomever it is written.

        Raises:
            BusyError: It cannot.
        """
        await self._in_thread(lambda: os.close(self._told(self._open)))

    def close(self) -> None:
        """Close it once what is under way is done; returns at once."""
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError as error:
            raise BusyError(str(error)) from None

    # -- in the thread -------------------------------------------------------------------------

    def _append(self, data: bytes) -> None:
        try:
            descriptor = self._opened()
            size = os.fstat(descriptor).st_size
            if size and size + len(data) > self._most_bytes:
                self._rotate()
                descriptor, size = self._opened(), 0
            _write(descriptor, data, size)
        except OSError as error:
            self._drop()
            raise self._busy(error) from None

    def _look(self) -> None:
        self._told(self._opened)

    def _told(self, work: Callable[[], int]) -> int:
        try:
            return work()
        except OSError as error:
            self._drop()
            raise self._busy(error) from None

    def _busy(self, error: OSError) -> BusyError:
        return BusyError(f"{self._path.name}: {error.strerror or error}")

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self._path, flags, _MODE)

    def _opened(self) -> int:
        if self._descriptor is not None and self._is_still_there(self._descriptor):
            return self._descriptor
        self._drop()
        self._descriptor = descriptor = self._open()
        # Two who write one file would cut off each other's lines.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != END:
            _write(descriptor, END, size)  # what a power failure left is a line of its own
        return descriptor

    def _is_still_there(self, descriptor: int) -> bool:
        """Tell whether the open file is the one of that name: somebody else may have moved it away."""
        try:
            return self._path.stat().st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        name = self._path.name
        full = [self._path.with_name(f"{name}.{number}") for number in range(1, self._kept + 1)]
        names = [self._path, *full]
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            with suppress(FileNotFoundError):
                newer.replace(older)
        self._drop()

    def _drop(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _write(descriptor: int, data: bytes, size: int) -> None:
    """Append to a file of a size, durably."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
