"""Backpressure: who publishes faster than a connected subscriber takes waits for it, instead of messages being lost.

Theory: a message that finds the queue of a connected subscriber full is queued beyond the limit, and its publisher is
stalled: its acknowledgement waits, and nothing more is read from it. So a queue is never longer than its limit and one
message for each publisher that waits. Whenever a place comes free the publisher that has waited longest goes on, so
each has its turn. After the zone's `mqueue_backpressure_timeout` the subscriber is given up until it makes room: all go
on, and the oldest messages go, as in EMQX.

Only clients that publish QoS 1 and 2 can wait: rules, the API, wills and delayed messages never do. Nobody waits where
the subscriber waits for him in turn, be it for himself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from app.broker.metrics import Metrics
from app.broker.timers import Timer
from app.clock import Clock
from app.mqtt.packets import PacketType

if TYPE_CHECKING:
    from app.broker.session import Session


class Publisher(Protocol):
    """A client's channel, as far as it can be made to wait."""

    session: Session | None
    wait: Wait | None
    """What it waits for now."""

    def stall(self) -> None:
        """Take nothing more from the client before it may go on."""

    def go_on(self, wait: Wait) -> None:
        """Acknowledge what waited, and take from the client what comes; soon, not at once."""


class Wait:
    """One message that waits to be acknowledged until all subscribers that were full have room for it."""

    __slots__ = ("frame", "kind", "left", "mark", "publisher", "sessions", "since_s")

    def __init__(self, publisher: Publisher, since_s: float) -> None:
        """Wait for nobody yet."""
        self.publisher = publisher
        self.since_s = since_s
        self.left = 0
        """How many of `sessions` have no room yet."""
        self.sessions: list[Session] = []
        self.kind = PacketType.PUBACK
        self.frame = b""
        self.mark = 0

    def owes(self, kind: PacketType, frame: bytes, mark: int) -> None:
        """Note the acknowledgement, and what has to be safe before it leaves; 0 where nothing has to."""
        self.kind = kind
        self.frame = frame
        self.mark = mark

    def is_over(self) -> None:
        """Hear that one of the subscribers has room, or is waited for no longer."""
        self.left -= 1
        if not self.left:
            self.publisher.wait = None
            self.publisher.go_on(self)


class Crowd:
    """Those who wait for one subscriber, in the order in which they came."""

    __slots__ = ("_pressure", "_session", "_timer", "_waits", "has_given_up")

    def __init__(self, pressure: Pressure, session: Session) -> None:
        """Begin with nobody."""
        self._pressure = pressure
        self._session = session
        self._waits: deque[Wait] = deque()
        self._timer: Timer | None = None
        self.has_given_up = False
        """The subscriber made no room in time, and is waited for no more before it has made some."""

    def join(self, wait: Wait) -> None:
        """Have a publisher wait."""
        wait.left += 1
        wait.sessions.append(self._session)
        self._waits.append(wait)
        if self._timer is None:
            self._arm(self._timeout_s)

    @property
    def _timeout_s(self) -> float:
        return self._session.zone.mqueue_backpressure_timeout_s

    def _arm(self, delay_s: float) -> None:
        self._timer = self._pressure.after(delay_s, self._time_is_up)

    def look(self) -> None:
        """Let as many go on as there are places, after the subscriber has taken something."""
        queue = self._session.mqueue
        overrun = queue.overrun
        waits = self._waits
        while len(waits) > overrun:
            waits.popleft().is_over()
        if not waits and not (self.has_given_up and queue.is_full):
            self._end()

    def disperse(self) -> None:
        """Let all go on: nobody has to wait for this subscriber any more."""
        self._let_all_go()
        self._end()

    def _let_all_go(self) -> None:
        waits, self._waits = self._waits, deque()
        for wait in waits:
            wait.is_over()

    def _end(self) -> None:
        self._session.crowd = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        if not self._waits:
            return
        left_s = self._waits[0].since_s + self._timeout_s - self._pressure.clock.monotonic_s()
        if left_s > 0:
            self._arm(left_s)
            return
        self.has_given_up = True
        self._pressure.metrics.backpressure_timeouts += len(self._waits)
        self._let_all_go()
        self._session.trim()


class Pressure:
    """Whose message is being handed out at the moment, and what it has to wait for."""

    __slots__ = ("after", "clock", "metrics", "publisher", "wait")

    def __init__(
        self, metrics: Metrics, clock: Clock, after: Callable[[float, Callable[[], None]], Timer]
    ) -> None:
        """Start with nobody."""
        self.metrics = metrics
        self.clock = clock
        self.after = after
        self.publisher: Publisher | None = None
        """Set while a message of QoS 1 or 2 of a client is handed out."""
        self.wait: Wait | None = None
        """What this message waits for; whoever acknowledges it takes it away."""

    def press(self, session: Session) -> bool:
        """Have the publisher wait for a connected subscriber whose queue is full; False where it cannot."""
        publisher = self.publisher
        if publisher is None or self._waits_for(session, publisher):
            return False
        crowd = session.crowd
        if crowd is None:
            crowd = session.crowd = Crowd(self, session)
        elif crowd.has_given_up:
            return False
        wait = self.wait
        if wait is None:
            wait = self.wait = publisher.wait = Wait(publisher, self.clock.monotonic_s())
            self.metrics.backpressure_waits += 1
            publisher.stall()
        crowd.join(wait)
        return True

    def take(self) -> Wait | None:
        """Take away what the message that was just handed out waits for, if anything."""
        wait, self.wait = self.wait, None
        return wait

    @staticmethod
    def _waits_for(session: Session, publisher: Publisher) -> bool:
        """Tell whether a subscriber's client is the publisher, or waits for it by way of others."""
        seen: set[int] = set()
        left = [session]
        while left:
            one = left.pop()
            if one is publisher.session:
                return True
            waiter = one.waiter
            if waiter is None or waiter.wait is None or id(one) in seen:
                continue
            seen.add(id(one))
            left += waiter.wait.sessions
        return False
