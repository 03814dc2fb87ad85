"""The loop's copy of the ban list. The database is the truth; services load it at start and after each commit.

Bans that have ended are swept out of the copy without looking at the others. Those that the broker makes itself hold at
once, and wait in `made` for the database.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Protocol

from app.broker.records import BanRecord
from app.clock import Clock

SWEEP_EVERY_S = 60.0
_FEW = 64
MOST_MADE = 10_000
"""Bans of the broker's own that are kept for a database that does not take them; the oldest go first."""


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
        self._networks: dict[tuple[int, int], dict[int, str]] = {}
        """Networks by IP version and length of their prefix, the longest first, and there by their first address."""
        self.made: deque[BanRecord] = deque(maxlen=MOST_MADE)
        """What the broker has banned itself; whoever keeps them takes them from the left, in any thread."""

    def __len__(self) -> int:
        """Return how many bans are known, ended ones included until they are swept."""
        return len(self._records)

    def load(self, records: Iterable[BanRecord]) -> None:
        """Replace the whole list."""
        self._records = {(record.kind, record.who): record for record in records}
        self._networks = {}
        for kind, who in self._records:
            self._note_network(kind, who)
        self._note_ends()

    def add(self, record: BanRecord) -> None:
        """Ban, or change a ban."""
        self._records[record.kind, record.who] = record
        self._note_network(record.kind, record.who)
        if record.until_s is not None:
            heapq.heappush(self._ends, (record.until_s, record.kind, record.who))
            if len(self._ends) > 2 * len(self._records) + _FEW:
                self._note_ends()

    def remove(self, kind: str, who: str) -> None:
        """Lift a ban; one that is not there is no error."""
        if self._records.pop((kind, who), None) is not None and is_network(kind, who):
            group, first = _placed(who)
            self._networks[group].pop(first, None)
            if not self._networks[group]:
                del self._networks[group]

    def make(self, record: BanRecord) -> None:
        """Ban on the broker's own account."""
        self.add(record)
        self.made.append(record)

    def _note_network(self, kind: str, who: str) -> None:
        if not is_network(kind, who):
            return
        group, first = _placed(who)
        if group not in self._networks:
            self._networks[group] = {}
            self._networks = dict(sorted(self._networks.items(), key=lambda one: -one[0][1]))
        self._networks[group][first] = who

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
                self.remove(kind, who)

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
        if self._networks and client.peerhost is not None:
            return self._find_network(client.peerhost, now_s)
        return None

    def _find_network(self, peerhost: str, now_s: float) -> BanRecord | None:
        version, number, bits = _number(peerhost)
        for (of_version, length), whos in self._networks.items():
            if of_version != version:
                continue
            who = whos.get(number >> (bits - length) << (bits - length))
            record = None if who is None else self._records.get(("peerhost", who))
            if record is not None and (record.until_s is None or record.until_s > now_s):
                return record
        return None


def is_network(kind: str, who: str) -> bool:
    """Tell whether a ban is about a whole network of addresses, `10.0.0.0/8`."""
    return kind == "peerhost" and "/" in who


def _placed(who: str) -> tuple[tuple[int, int], int]:
    network = ip_network(who)
    return (network.version, network.prefixlen), int(network.network_address)


@lru_cache(maxsize=4_096)
def _number(peerhost: str) -> tuple[int, int, int]:
    """Return an address's version, number and length; version 0 for what is none, as on a socket file."""
    try:
        address = ip_address(peerhost)
    except ValueError:
        return 0, 0, 0
    return address.version, int(address), address.max_prefixlen
