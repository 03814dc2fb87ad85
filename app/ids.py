"""Identifiers: message ids that sort by time, and client ids for those who bring none.

A leaf: imports nothing from the application.

A message id is EMQX's guid in its own shape, 32 hex digits of 64 + 48 + 16 bits: microseconds since
the epoch, the process that made it, and a counter within the microsecond. Time and counter are one
number that only grows, so ids stay unique and in order when the clock is set back or a microsecond
is used up. One costs well under a microsecond.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CLIENTID_LENGTH = 22
"""22 digits of base 62 carry 130 bits: as unlikely to collide as a UUID."""


class MsgidGenerator:
    """Makes message ids; any thread may ask."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Read time from `now_ns`; tests pass a clock of their own."""
        self._now_ns = now_ns
        self._last = 0
        self._lock = threading.Lock()
        self.renew_process()

    def renew_process(self) -> None:
        """Take a new process part; a forked child must, else both would make the same ids."""
        self._process = secrets.token_hex(6)

    def __call__(self) -> str:
        """Return the next message id."""
        with self._lock:
            ticks = (self._now_ns() // 1000) << 16
            if ticks <= self._last:
                ticks = self._last + 1
            self._last = ticks
        return f"{ticks >> 16:016x}{self._process}{ticks & 0xFFFF:04x}"


msgid = MsgidGenerator()
os.register_at_fork(after_in_child=msgid.renew_process)


def random_clientid() -> str:
    """Return a client id for a client that left the choice to us [MQTT-3.1.3-6]."""
    number = secrets.randbelow(62**_CLIENTID_LENGTH)
    digits = []
    for _ in range(_CLIENTID_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(digits)
