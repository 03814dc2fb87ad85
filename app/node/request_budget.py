"""How much of the interpreter the request world may take from a busy broker.

Request threads and the broker's loop share one interpreter lock. The loop lets go of it at every callback, a thread
that computes only after the switch interval, so whatever the request world computes the broker waits for. While the
broker has something to do, the request world as a whole (gunicorn's own work included) is held to a share of the
time: a request that comes too early sleeps until its share is earned. A broker that is idle holds nobody up.

Figures and alternatives: docs/design/interpreter-lock.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from app.broker.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BUSY_FROM = 0.10
"""A broker that takes less than this share of a core waits for nobody, and nobody waits for it."""
WINDOW_S = 0.05
"""How often the broker's own share is measured."""
BURST_S = 0.02
"""Interpreter time that may be taken at once, after a pause."""
LONGEST_WAIT_S = 1.0


class RequestBudget:
    """A bucket of interpreter time for everything in this process but the broker's thread."""

    def __init__(
        self,
        share: float,
        metrics: Metrics,
        broker_cpu_s: Callable[[], float],
        *,
        process_cpu_s: Callable[[], float] = time.process_time,
        wall_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,  # noqa: TID251 - the request thread's time, not the broker's
    ) -> None:
        """Allow `share` of the time (0..1; 1 is no limit).

        Args:
            share: of the time that the request world may compute while the broker is busy.
            metrics: gets the count of waits.
            broker_cpu_s: seconds of processor time that the broker's thread has used.
            process_cpu_s: the same for the whole process.
            wall_s: monotonic time.
            sleep: waits without the interpreter.
        """
        self._share = share
        self.metrics = metrics
        """Where the request world counts what happens to its requests."""
        self._broker_cpu_s = broker_cpu_s
        self._process_cpu_s = process_cpu_s
        self._wall_s = wall_s
        self._sleep = sleep
        self._lock = threading.Lock()
        self._busy = False
        self._window = (wall_s(), 0.0)
        self._seen_s = wall_s()
        self._spent_s = process_cpu_s() - broker_cpu_s()
        self._earned_s = BURST_S

    def wait(self) -> None:
        """Sleep until the request world has earned the right to compute."""
        if self._share >= 1:
            return
        with self._lock:
            wait_s = self._wait_s()
        if wait_s > 0:
            self.metrics.request_waits += 1
            self._sleep(wait_s)

    def _wait_s(self) -> float:
        now_s, broker_s = self._wall_s(), self._broker_cpu_s()
        began_s, broker_began_s = self._window
        if now_s - began_s >= WINDOW_S:
            self._busy = (broker_s - broker_began_s) / (now_s - began_s) >= BUSY_FROM
            self._window = (now_s, broker_s)
        spent_s = self._process_cpu_s() - broker_s
        self._earned_s += (now_s - self._seen_s) * self._share - (spent_s - self._spent_s)
        self._earned_s = max(-LONGEST_WAIT_S * self._share, min(BURST_S, self._earned_s))
        self._seen_s, self._spent_s = now_s, spent_s
        if not self._busy or self._earned_s >= 0:
            return 0.0
        return -self._earned_s / self._share

    def wrap(self, application: WSGIApplication) -> WSGIApplication:
        """Return the application with every request waiting for its turn first."""

        def in_turn(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            self.wait()
            return application(environ, start_response)

        return in_turn
