"""What is retained, for a new subscription: in slices, so that a filter for everything stalls nobody else.

The store is walked in slices, then what was found is delivered in slices, oldest first; in between everybody else has a
turn, however many replay at the same time. While a subscriber does not keep up or is away, the rest waits instead of
overflowing its queue. A message that was replaced or deleted meanwhile is left out: the subscriber got the news live,
and must not hear the old after the new. A walk keeps places in the store, not messages.
"""

from __future__ import annotations

import heapq
import logging
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from app.broker.banned import Banned
from app.broker.retained import RetainedStore, Stored, by_sequence
from app.broker.router import SubOptions
from app.broker.session import Session
from app.broker.turns import Turns, next_turn
from app.mqtt.topic import is_wildcard

logger = logging.getLogger(__name__)

SLICE = 100
"""Messages delivered before others get a turn: a millisecond."""
STEPS_A_TURN = 2
"""Subscribers served in one turn of the loop."""
LOOK_AGAIN_S = 0.25
"""When a subscriber that was behind may have caught up."""
AWAY_S = 5.0
"""When a client that was away is looked for again."""


class Replay(NamedTuple):
    """What is retained and due to a subscription, once its SUBACK is out."""

    session: Session
    topic_filter: str
    options: SubOptions


class Replays:
    """The replays of one broker."""

    def __init__(self, retained: RetainedStore, banned: Banned, turns: Turns) -> None:
        """Start with none; messages of those who are banned are withheld, as in EMQX."""
        self._retained = retained
        self._banned = banned
        self._turns = turns
        self._under_way: dict[tuple[int, str], _Running] = {}
        """By session and filter: a client that subscribes anew hears everything once more, and only once."""
        self._ready: deque[_Running] = deque()
        self._is_running = False

    def __len__(self) -> int:
        """Return how many are under way."""
        return len(self._under_way)

    def begin(self, replay: Replay) -> None:
        """Replay what is retained for a new subscription; an older replay to the same filter ends."""
        session, topic_filter, _ = replay
        self._under_way.pop((id(session), topic_filter), None)
        if not (self._retained.is_on and len(self._retained)):
            return
        if not is_wildcard(topic_filter):
            stored = self._retained.get(topic_filter)
            if stored is not None:
                self._deliver(replay, stored)
            return
        running = _Running(replay, self._retained.walk(topic_filter))
        # Most stores are small enough that the second look finds the end, and most filters match a handful.
        if (running.looks() or running.looks()) and self._deliver_some(running):
            return
        self._under_way[running.key] = running
        self._go_on(running)

    def _go_on(self, running: _Running) -> None:
        self._ready.append(running)
        if not self._is_running:
            self._is_running = True
            self._turns.spawn(self._run())

    async def _run(self) -> None:
        while self._ready:
            await next_turn()
            for _ in range(min(STEPS_A_TURN, len(self._ready))):
                self._take_step(self._ready.popleft())
        self._is_running = False

    def _take_step(self, running: _Running) -> None:
        if not self._is_wanted(running):
            return
        try:
            wait_s = running.waits_s()
            if wait_s:
                self._turns.after(wait_s, lambda: self._go_on(running))
                return
            if not running.looks() or not self._deliver_some(running):
                self._ready.append(running)
                return
        except Exception:
            # Our bug with one subscriber must not end the replays of the others.
            logger.exception("A replay to %s failed", running.replay.session.clientid)
        del self._under_way[running.key]

    def _is_wanted(self, running: _Running) -> bool:
        """Tell whether the session is still subscribed, and has not subscribed anew."""
        if self._under_way.get(running.key) is not running:
            return False
        if running.replay.topic_filter in running.replay.session.subscriptions:
            return True
        del self._under_way[running.key]
        return False

    def _deliver_some(self, running: _Running) -> bool:
        """Deliver a slice; True where nothing is left."""
        for _ in range(SLICE):
            stored = next(running.found, None)
            if stored is None:
                return True
            self._deliver(running.replay, stored)
        return False

    def _deliver(self, replay: Replay, stored: Stored) -> None:
        session, _, options = replay
        message = self._retained.take(stored)
        if message is None or (options.no_local and message.clientid == session.clientid):
            return
        if len(self._banned) and self._banned.find(message) is not None:
            return
        session.deliver_retained(message, options)


class _Running:
    """A replay on its way."""

    def __init__(self, replay: Replay, walk: Iterator[list[Stored]]) -> None:
        self.replay = replay
        self.key = (id(replay.session), replay.topic_filter)
        self.found: Iterator[Stored] = iter(())
        """What is left to deliver, once the walk is at its end."""
        self._walk: Iterator[list[Stored]] | None = walk
        self._pieces: list[list[Stored]] = []

    def looks(self) -> bool:
        """Look at a few topics; True where all have been looked at."""
        if self._walk is None:
            return True
        piece = next(self._walk, None)
        if piece is None:
            self._walk = None
            # Sorting what a large store has in one go would take the others' turns.
            self.found = heapq.merge(*self._pieces, key=by_sequence)
            self._pieces = []
            return True
        if piece:
            self._pieces.append(piece)
        return False

    def waits_s(self) -> float:
        """Return after how many seconds the subscriber may take more; 0 is now."""
        session = self.replay.session
        if session.outlet is None:
            return AWAY_S
        return LOOK_AGAIN_S if session.outlet.congested or len(session.mqueue) > 0 else 0.0
