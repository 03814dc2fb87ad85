"""What the log says of clients that break the rules: some lines a second, and how many more there were.

Whoever floods a node with broken packets would fill its disk with lines about them otherwise.
"""

from __future__ import annotations

import logging
from typing import Final

from app.clock import Clock

logger = logging.getLogger(__name__)

MOST_A_SECOND: Final = 10


class Complaints:
    """The lines about clients, of all listeners together."""

    __slots__ = ("_began_s", "_clock", "_said", "_unsaid")

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing said."""
        self._clock = clock
        self._began_s = 0.0
        self._said = 0
        """In the second that began then."""
        self._unsaid = 0
        """Since the last line."""

    def say(self, clientid: str, peerhost: str, detail: str, reason: str) -> None:
        """Log what a client did wrong, unless enough was logged in this second."""
        now_s = self._clock.monotonic_s()
        if now_s - self._began_s >= 1.0:
            self._began_s = now_s
            self._said = 0
        if self._said >= MOST_A_SECOND:
            self._unsaid += 1
            return
        self._said += 1
        if self._unsaid:
            logger.info("%d more clients were disconnected for what they sent", self._unsaid)
            self._unsaid = 0
        logger.info("Client %s at %s: %s (%s)", clientid, peerhost, detail, reason)
