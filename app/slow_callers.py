"""Callers that send a request by drops: they are cut off, or each of them would keep a thread of the API for himself.

The server's threads wait without a limit for the rest of a request's head, and for a body as long as its bytes keep
coming. So whoever waits for bytes says until when, and the server's own housekeeping ends the connections whose time
is up; the thread reads an end and goes on to others.

Knows the server's worker by two of its methods; nothing of requests or WSGI.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

LONGEST_HEAD_S = 10.0
LONGEST_PIECE_S = 30.0
"""How long a piece of a body may take: with 64 KiB a piece, 2 kB a second are fast enough."""


class SlowCallers:
    """Who is read from, and until when. Each thread reads from one connection at a time."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody."""
        self._now_s = now_s
        self._reads: dict[int, tuple[socket.socket, float]] = {}

    @contextmanager
    def within(self, connection: socket.socket, seconds: float) -> Iterator[None]:
        """Let this thread read from a connection for so long."""
        thread = threading.get_ident()
        self._reads[thread] = (connection, self._now_s() + seconds)
        try:
            yield
        finally:
            self._reads.pop(thread, None)

    def head_has_come(self) -> None:
        """Hear that this thread has read a request's head: what follows has times of its own."""
        self._reads.pop(threading.get_ident(), None)

    def cut_off(self) -> None:
        """End the connections whose time is up."""
        now_s = self._now_s()
        for connection, until_s in list(self._reads.values()):
            if now_s > until_s:
                with suppress(OSError):  # it has gone by itself
                    connection.shutdown(socket.SHUT_RDWR)

    def watch(self, worker: Any) -> None:
        """Have a worker of the server note whom it reads from, and cut off who is too slow."""
        handle: Callable[[Any], Any] = worker.handle
        keep_house: Callable[[], None] = worker.murder_pending

        def handle_in_time(connection: Any) -> Any:
            with self.within(connection.sock, LONGEST_HEAD_S):
                return handle(connection)

        def keep_house_and_time() -> None:
            keep_house()
            self.cut_off()

        worker.handle = handle_in_time
        worker.murder_pending = keep_house_and_time


SLOW_CALLERS = SlowCallers()
"""Those of this process."""
