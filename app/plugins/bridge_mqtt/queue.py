"""Messages that wait for another broker, in order and with a bound on their bytes: in memory, or in a file.

Theory: what was taken stays in the queue until it is settled, so that whatever ends in between, a connection or the
node, it is taken again: nothing is lost, and what was under way may come twice. The file is SQLite's and is written
beside the loop, all that has come since the last time in one transaction; a clean end writes the rest. Each message is
a promise until it is written, and acknowledgements wait for it; where the disk does not take it, they wait no longer.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.mqtt.frames import FrameDecoder
from app.mqtt.packet_type import PacketType
from app.mqtt.packets import MQTT_5, Publish
from app.mqtt.properties import encode_properties
from app.plugins.bridge_mqtt.promises import Promises

logger = logging.getLogger(__name__)
T = TypeVar("T")

LARGEST_FRAME = 268_435_455
OVERHEAD_BYTES = 128
"""Of a message, besides topic, payload and properties."""
PAUSE_S = 1.0
"""Before a disk that does not take what is to be written is tried again."""
ANY_ID = 1
CLOSE_S = 5.0
_TABLE = """CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, size INTEGER NOT NULL, frame BLOB NOT NULL)"""


@dataclass(slots=True)
class Waiting:
    """One message that waits."""

    packet: Publish
    at_ms: int
    """Wall time when it came."""
    size: int
    number: int = 0
    """Its place in the file."""
    promise: int = 0
    """The mark that acknowledgements wait for until it is there."""


def size_of(packet: Publish) -> int:
    """Return how many bytes a message counts for."""
    size = OVERHEAD_BYTES + len(packet.topic) + len(packet.payload)
    if packet.properties:
        size += len(encode_properties(packet.properties, PacketType.PUBLISH))
    return size


class Queue(ABC):
    """A queue. To be used on the loop."""

    def __init__(self, max_bytes: int) -> None:
        """Start empty."""
        self._max_bytes = max_bytes
        self.length = 0
        """Messages that are not settled."""
        self.bytes = 0
        self._there = asyncio.Event()

    def put(self, packet: Publish, at_ms: int) -> bool:
        """Take a message; False where there is no room for it."""
        size = size_of(packet)
        if self.bytes + size > self._max_bytes:
            return False
        self.length += 1
        self.bytes += size
        self._add(Waiting(packet, at_ms, size))
        return True

    def settle(self, one: Waiting) -> None:
        """Let go of a message that was taken."""
        self.length -= 1
        self.bytes -= one.size
        self._remove(one)

    @abstractmethod
    def _add(self, one: Waiting) -> None:
        """Put a message behind the others."""

    @abstractmethod
    def _remove(self, one: Waiting) -> None:
        """Forget a message."""

    @abstractmethod
    def rewind(self) -> None:
        """Have what was taken and is not settled taken again."""

    @abstractmethod
    async def take(self, most: int) -> Sequence[Waiting]:
        """Wait until there are messages, and return the first ones that were not taken."""

    @abstractmethod
    async def keep(self) -> None:
        """Do what is to be done in the background, for ever."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything. What is to survive is written."""


class MemoryQueue(Queue):
    """Messages in memory."""

    def __init__(self, max_bytes: int) -> None:
        """Start empty."""
        super().__init__(max_bytes)
        self._waiting: deque[Waiting] = deque()
        self._taken: dict[int, Waiting] = {}

    def _add(self, one: Waiting) -> None:
        self._waiting.append(one)
        self._there.set()

    def _remove(self, one: Waiting) -> None:
        self._taken.pop(id(one), None)

    def rewind(self) -> None:
        """Have what was taken and is not settled taken again."""
        self._waiting.extendleft(reversed(self._taken.values()))
        self._taken = {}
        if self._waiting:
            self._there.set()

    async def take(self, most: int) -> Sequence[Waiting]:
        """Wait until there are messages, and return the first ones that were not taken."""
        while not self._waiting:
            self._there.clear()
            await self._there.wait()
        found = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._taken.update((id(one), one) for one in found)
        return found

    async def keep(self) -> None:
        """Need nothing in the background."""

    def close(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._taken = {}


class DiskQueue(Queue):
    """Messages in a file of their own."""

    def __init__(self, path: Path, max_bytes: int, journal_bytes: int, promises: Promises) -> None:
        """Touch nothing yet; `keep` opens the file.

        Args:
            path: Of the file.
            max_bytes: How much may wait.
            journal_bytes: Where its journal is cut back.
            promises: Hears what has come, and what of it is on disk.
        """
        super().__init__(max_bytes)
        self._promises = promises
        self._file = _File(path, journal_bytes)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="bridge-queue")
        self._new: list[Waiting] = []
        self._gone: list[int] = []
        self._last = 0
        self._is_due = asyncio.Event()
        self._is_open = False
        self._is_closed = False

    def _add(self, one: Waiting) -> None:
        if not self._is_closed:
            one.promise = self._promises.give(self)
        self._new.append(one)
        self._is_due.set()

    def _remove(self, one: Waiting) -> None:
        self._gone.append(one.number)
        self._is_due.set()

    def rewind(self) -> None:
        """Have what was taken and is not settled taken again."""
        self._last = 0
        self._there.set()

    async def take(self, most: int) -> Sequence[Waiting]:
        """Wait until there are messages in the file, and return the first ones that were not taken."""
        while True:
            await self._there.wait()
            self._there.clear()
            if not self._is_open:
                continue
            found = await self._aside(partial(self._file.read, self._last, most))
            if not found:
                continue
            self._last = found[-1].number
            self._there.set()
            # What is settled may not have left the file yet.
            due = [one for one in found if one.number not in self._gone]
            if due:
                return due

    async def keep(self) -> None:
        """Open the file, and write down what comes and goes."""
        try:
            while True:
                try:
                    await self._work()
                except sqlite3.Error as error:
                    logger.error("The queue of a bridge cannot be kept: %s", error)  # noqa: TRY400
                    self._promises.settle(self)
                    await asyncio.sleep(PAUSE_S)
                    self._is_due.set()
        finally:
            self.close()

    async def _work(self) -> None:
        if not self._is_open:
            count, size = await self._aside(self._file.open)
            self.length += count
            self.bytes += size
            self._is_open = True
            self._there.set()
        await self._is_due.wait()
        self._is_due.clear()
        new, gone = list(self._new), list(self._gone)
        await self._aside(partial(self._file.write, new, gone))
        del self._new[: len(new)], self._gone[: len(gone)]
        self._promises.settle(self, self._new[0].promise if self._new else None)
        self._there.set()

    async def _aside(self, work: Callable[[], T]) -> T:
        # Shielded: what is written is written, whoever waits for it.
        return await asyncio.shield(asyncio.wrap_future(self._worker.submit(work)))

    def close(self) -> None:
        """Write the rest, and close the file. Doing it twice is no error."""
        if self._is_closed:
            return
        self._is_closed = True
        end = self._worker.submit(partial(self._file.close, self._new, self._gone))
        self._worker.shutdown(wait=False)
        try:
            end.result(CLOSE_S)
        except (sqlite3.Error, TimeoutError) as error:
            logger.error("The end of a bridge's queue is not written: %s", error)  # noqa: TRY400
        self._promises.settle(self)


class _File:
    """The file itself; all of it is done in one thread, beside the loop."""

    def __init__(self, path: Path, journal_bytes: int) -> None:
        self._path = path
        self._journal_bytes = journal_bytes
        self._database: sqlite3.Connection | None = None
        self._number = 0

    def open(self) -> tuple[int, int]:
        """Open it, and return how many messages wait and how many bytes they are."""
        database = sqlite3.connect(self._path)
        try:
            count, size, self._number = self._set_up(database)
        except BaseException:
            database.close()
            raise
        self._database = database
        return count, size

    def _set_up(self, database: sqlite3.Connection) -> tuple[int, int, int]:
        """Make the table where it is not; return how many messages wait, their bytes, and the last one's number."""
        database.execute("PRAGMA journal_mode = WAL")
        # What was acknowledged outlives the machine's power, too.
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA journal_size_limit = {int(self._journal_bytes)}")
        database.execute(_TABLE)
        count, size, last = database.execute(
            "SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(MAX(number), 0) FROM waiting"
        ).fetchone()
        return count, size, last

    def write(self, new: Sequence[Waiting], gone: Sequence[int]) -> None:
        """Write down what has come and gone, all of it or nothing; doing it twice is no error."""
        assert self._database is not None
        for one in new:
            if not one.number:
                self._number += 1
                one.number = self._number
        with self._database:
            self._database.executemany(
                "INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?)", map(_row, new)
            )
            self._database.executemany(
                "DELETE FROM waiting WHERE number = ?", ((number,) for number in gone)
            )

    def read(self, behind: int, most: int) -> list[Waiting]:
        """Return the first messages behind a number."""
        assert self._database is not None
        rows = self._database.execute(
            "SELECT number, at_ms, size, frame FROM waiting WHERE number > ? ORDER BY number LIMIT ?",
            (behind, most),
        )
        return [Waiting(_packet(frame), at_ms, size, number) for number, at_ms, size, frame in rows]

    def close(self, new: Sequence[Waiting], gone: Sequence[int]) -> None:
        """Write the rest and close it."""
        if self._database is None:
            if not new:
                return
            self.open()
        assert self._database is not None
        self.write(new, gone)
        self._database.close()
        self._database = None


def _row(one: Waiting) -> tuple[int, int, int, bytes]:
    packet = one.packet
    packet_id = ANY_ID if packet.qos else None
    frame = Publish(
        packet.topic, packet.payload, packet.qos, packet.retain, False, packet_id, packet.properties
    ).encode(MQTT_5)
    return one.number, one.at_ms, one.size, frame


def _packet(frame: bytes) -> Publish:
    (packet,) = FrameDecoder(LARGEST_FRAME, MQTT_5).feed(frame)
    assert isinstance(packet, Publish)
    return Publish(
        packet.topic, packet.payload, packet.qos, packet.retain, properties=packet.properties
    )
