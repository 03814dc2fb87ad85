"""The one thread that writes the file: whatever is asked for while a transaction runs becomes the next one.

It knows neither letters nor rules, only pieces of work on a connection and who is told when they are on disk.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

GROUP_MAX = 2_000
"""Pieces of work in one transaction."""

Do = Callable[[sqlite3.Connection], Any]
Told = Callable[[Any], None]
"""Called with what the work returned, after it is on disk; with the error where it is not."""


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work."""

    do: Do
    told: Told | None
    loop: asyncio.AbstractEventLoop | None
    """Where it was asked for; who asks elsewhere is told on the writer's thread."""


class Writer:
    """The thread and its connection."""

    def __init__(
        self, connection: sqlite3.Connection, rolled_back: Callable[[sqlite3.Connection], None]
    ) -> None:
        """Take a connection; `start` begins.

        Args:
            connection: May be used by another thread than the one that opened it, and begins no transactions.
            rolled_back: Called on the thread when pieces of work that ran were undone, some of which may run again.
        """
        self._connection = connection
        self._rolled_back = rolled_back
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def ask(self, do: Do, told: Told | None = None) -> None:
        """Have a piece of work done, after all that was asked for before; any thread may ask."""
        loop = None
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
        self._work.put(Work(do, told, loop))

    def close(self) -> None:
        """Finish what was asked for, and end."""
        self._work.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        is_open = True
        while is_open:
            group: list[Work] = []
            one = self._work.get()
            while True:
                if one is None:
                    is_open = False
                    break
                group.append(one)
                if len(group) >= GROUP_MAX:
                    break
                try:
                    one = self._work.get_nowait()
                except queue.Empty:
                    break
            if group:
                self._report(group, self._written(group))

    def _written(self, group: Sequence[Work]) -> Sequence[Any]:
        try:
            return self._transaction(group)
        except Exception as error:  # noqa: BLE001 - the thread outlives whatever a piece of work raises
            logger.warning("The outbox could not write %d changes: %s", len(group), error)
            if len(group) == 1:
                return [error]
        # One of them may be to blame.
        return [result for one in group for result in self._alone(one)]

    def _alone(self, work: Work) -> Sequence[Any]:
        try:
            return self._transaction([work])
        except Exception as error:  # noqa: BLE001 - as above
            return [error]

    def _transaction(self, group: Sequence[Work]) -> Sequence[Any]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [one.do(self._connection) for one in group]
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._rolled_back(self._connection)
            raise
        return results

    def _report(self, group: Sequence[Work], results: Sequence[Any]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[Told, Any]]] = {}
        for one, result in zip(group, results, strict=True):
            if one.told is not None:
                by_loop.setdefault(one.loop, []).append((one.told, result))
        for loop, pairs in by_loop.items():
            if loop is None:
                _tell(pairs)
                continue
            try:
                loop.call_soon_threadsafe(_tell, pairs)
            except RuntimeError:
                # It is closed; what is on disk is there for the next start.
                logger.debug("Nobody hears of %d changes of the outbox", len(pairs))


def _tell(pairs: Sequence[tuple[Told, Any]]) -> None:
    for told, result in pairs:
        try:
            told(result)
        except Exception:
            logger.exception("What follows a change of the outbox failed")
