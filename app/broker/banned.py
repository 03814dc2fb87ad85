"""The loop's copy of the ban list. The database is the truth; services load it at start and after each commit.

Bans that have ended are swept out of the copy without looking at the others.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Protocol

from app.broker.records import BanRecord
from app.clock import Clock

SWEEP_EVERY_S = 60.0
_FEW = 64


class Somebody(Protocol):
    """Whoever can be banned: a client, or a message that speaks for one."""

    @property
    def clientid(self) -> str | None:
        """Return the client id."""

    @property
    def username(self) -> str | None:
        """Return the user name."""

    @property
    def peerhost(self) -> str | None:
        """Return the address."""


class Banned:
    """Who must not come in, looked up by client id, user name and address, in EMQX's order."""

    def __init__(self, clock: Clock) -> None:
        """Start with nobody banned."""
        self._clock = clock
        self._records: dict[tuple[str, str], BanRecord] = {}
        self._ends: list[tuple[float, str, str]] = []
        """(until, kind, who) as a heap; what was lifted or changed stays for a while."""

    def __len__(self) -> int:
        """Return how many bans are known, ended ones included until they are swept."""
        return len(self._records)

    def load(self, records: Iterable[BanRecord]) -> None:
        """Replace the whole list."""
        self._records = {(record.kind, record.who): record for record in records}
        self._note_ends()

    def add(self, record: BanRecord) -> None:
        """Ban, or change a ban."""
        self._records[record.kind, record.who] = record
        if record.until_s is not None:
            heapq.heappush(self._ends, (record.until_s, record.kind, record.who))
            if len(self._ends) > 2 * len(self._records) + _FEW:
                self._note_ends()

    def remove(self, kind: str, who: str) -> None:
        """Lift a ban; one that is not there is no error."""
        self._records.pop((kind, who), None)

    def _note_ends(self) -> None:
        self._ends = [
            (record.until_s, record.kind, record.who)
            for record in self._records.values()
            if record.until_s is not None
        ]
        heapq.heapify(self._ends)

    def keep_swept(self, after: Callable[[float, Callable[[], None]], object]) -> None:
        """Sweep once a minute from now on."""

        def again() -> None:
            after(SWEEP_EVERY_S, again)
            self.sweep()

        after(SWEEP_EVERY_S, again)

    def sweep(self) -> None:
        """Forget the bans that have ended."""
        now_s = self._clock.wall_ms() / 1000
        while self._ends and self._ends[0][0] <= now_s:
            _, kind, who = heapq.heappop(self._ends)
            record = self._records.get((kind, who))
            if record is not None and record.until_s is not None and record.until_s <= now_s:
                del self._records[kind, who]

    def find(self, client: Somebody) -> BanRecord | None:
        """Return the ban that keeps a client out, if any."""
        if not self._records:
            return None
        now_s = self._clock.wall_ms() / 1000
        for kind, who in (
            ("clientid", client.clientid),
            ("username", client.username),
            ("peerhost", client.peerhost),
        ):
            record = self._records.get((kind, who)) if who is not None else None
            if record is not None and (record.until_s is None or record.until_s > now_s):
                return record
        return None
