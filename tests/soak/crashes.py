"""The ends that a node comes to, one after the other, while its clients keep their books."""

from __future__ import annotations

import random
import resource
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.harness.mqtt_client import MqttClient
from tests.soak.clients import pause
from tests.soak.ledger import Ledger
from tests.soak.nursery import Nursery

MOST_BETWEEN: Final = 300
"""Acknowledgements between two ends."""
LONGEST_S: Final = 0.6
"""And how long they may take."""
COMPACTIONS: Final = ("20KB", "200KB", "64MB")
UNLIMITED: Final = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Crashes:
    """One node and its clients."""

    def __init__(self, house: Nursery, chance: random.Random) -> None:
        """Let the clients come."""
        self.house = house
        self.chance = chance
        self.ledger = Ledger(house, chance)
        self.ends: Counter[str] = Counter()
        self._mourned: list[MqttClient] = []
        self.ways: dict[Callable[[], None], int] = {
            self.killed: 12,
            self.killed_with_wills: 4,
            self.killed_at_its_start: 2,
            self.stopped: 3,
            self.killed_while_it_stops: 2,
            self.killed_on_a_full_disk: 1,
            self.stopped_after_a_full_disk: 1,
        }
        self.ledger.start()

    def go_on(self, cycles: int) -> Ledger:
        """Have the node end so many times, and hold it against the books.

        Raises:
            AssertionError: it broke a promise.
        """
        for _ in range(cycles):
            (way,) = self.chance.choices(list(self.ways), list(self.ways.values()))
            self._end(way)
        self.ledger.settle()
        # A process that was killed leaves a journal that is whole.
        assert "damaged" not in self.house.log, self.house.log[-4_000:]
        return self.ledger

    def each_way_once(self) -> None:
        """Have the node end in every way that there is."""
        for way in self.ways:
            self._end(way)

    def _end(self, way: Callable[[], None]) -> None:
        self.ends[way.__name__] += 1
        way()
        for client in self._mourned:
            client.close()
        self._mourned = []
        self.ledger.raise_failures()

    def _work(self) -> None:
        count = self.chance.randrange(1, MOST_BETWEEN)
        self.ledger.waits_for_more(count, self.chance.random() * LONGEST_S)

    def _again(self) -> None:
        self.house.begin()
        self.house.is_up()

    # -- ways to end -----------------------------------------------------------------------------

    def killed(self) -> None:
        """End as by `kill -9`, the OOM killer or a crash."""
        self._work()
        self.house.end(signal.SIGKILL)
        self._again()

    def killed_with_wills(self) -> None:
        """Take clients along whose wills are due then, one of which has gone a moment before."""
        self._mourned = [self.ledger.leaves_a_will() for _ in range(2)]
        self._work()
        self._mourned[0].close()
        self.killed()

    def killed_at_its_start(self) -> None:
        """End twice, the second time on the way up."""
        self._work()
        self.house.end(signal.SIGKILL)
        self.house.begin()
        pause(self.chance.random() * LONGEST_S)
        self.house.end(signal.SIGKILL)
        self._again()

    def stopped(self) -> None:
        """End as a service manager asks for it, in the middle of everything."""
        self._work()
        self.house.end(signal.SIGTERM)
        self._again()

    def killed_while_it_stops(self) -> None:
        """End when patience ends."""
        self._work()
        self.house.end(signal.SIGTERM)
        pause(self.chance.random() / 20)
        self.house.end(signal.SIGKILL)
        self._again()

    def killed_on_a_full_disk(self) -> None:
        """End while nothing can be written any more."""
        self._fill_the_disk()
        self.house.end(signal.SIGKILL)
        self._again()

    def stopped_after_a_full_disk(self) -> None:
        """Have room again, go on, and end."""
        self._fill_the_disk()
        resource.prlimit(self.house.pid, resource.RLIMIT_FSIZE, UNLIMITED)
        self.stopped()

    def _fill_the_disk(self) -> None:
        self._work()
        wal = self.house.instance / "broker.db-wal"
        room = self.chance.randrange(1, 20_000)
        limits = (size_of(wal) + room, resource.RLIM_INFINITY)
        resource.prlimit(self.house.pid, resource.RLIMIT_FSIZE, limits)
        pause(self.chance.random() * LONGEST_S)


def size_of(file: Path) -> int:
    """Return a file's size; 0 where there is none."""
    return file.stat().st_size if file.exists() else 0


def settings(chance: random.Random) -> dict[str, str]:
    """Return settings for a node: queues without end, but for the listener whose subscriber is slow."""
    return {
        "zone.external.max_mqueue_len": "0",
        "zone.external.max_awaiting_rel": "0",
        "zone.narrow.max_mqueue_len": "20",
        "zone.narrow.mqueue_backpressure_timeout": "5m",
        "listener.tcp.narrow.zone": "narrow",
        "storage.compact_at": chance.choice(COMPACTIONS),
    }
