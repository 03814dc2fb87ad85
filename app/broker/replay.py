"""What is retained, for a new subscription: in slices, so that a filter for everything stalls nobody else.

Between slices everybody else has a turn, and while the subscriber does not keep up the rest waits instead of
overflowing its queue. A message that was replaced or deleted meanwhile is left out: the subscriber got the news live,
and must not hear the old after the new.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import NamedTuple

from app.broker.core import BrokerCore
from app.broker.message import Message
from app.broker.router import SubOptions
from app.broker.session import Session

SLICE = 200
"""Messages delivered before others get a turn: a few milliseconds."""
LOOK_AGAIN_S = 0.25


class Replay(NamedTuple):
    """What is retained and due to a subscription, once its SUBACK is out."""

    session: Session
    topic_filter: str
    options: SubOptions


def send_retained(core: BrokerCore, replay: Replay) -> None:
    """Replay what is retained for a new subscription; a replay of an older one to the same filter ends."""
    if not len(core.retained):
        return
    running = _Running(core, replay, core.retained.match(replay.topic_filter))
    running.deliver_slice()
    core.retained.replays.pop(running.key, None)
    if running.is_left:
        core.retained.replays[running.key] = running
        core.spawn(running.run())


@types.coroutine
def _next_turn() -> Generator[None, None, None]:
    yield


class _Running:
    """A replay that takes several turns of the loop."""

    def __init__(self, core: BrokerCore, replay: Replay, messages: list[Message]) -> None:
        self.key = (id(replay.session), replay.topic_filter)
        self._core = core
        self._replay = replay
        self._messages = messages
        self._next = 0

    @property
    def is_left(self) -> bool:
        return self._next < len(self._messages)

    def deliver_slice(self) -> None:
        session, _, options = self._replay
        first, self._next = self._next, self._next + SLICE
        for message in self._messages[first : self._next]:
            if options.no_local and message.clientid == session.clientid:
                continue
            if not first or self._core.retained.is_current(message):
                session.deliver_retained(message, options)

    async def run(self) -> None:
        while self.is_left:
            await _next_turn()
            if not self._is_wanted():
                break
            if self._is_behind():
                self._core.after(LOOK_AGAIN_S, self._again)
                return
            self.deliver_slice()
        if self._core.retained.replays.get(self.key) is self:
            del self._core.retained.replays[self.key]

    def _again(self) -> None:
        self._core.spawn(self.run())

    def _is_wanted(self) -> bool:
        """Tell whether it is still subscribed, and has not subscribed anew."""
        session, topic_filter, _ = self._replay
        is_latest = self._core.retained.replays.get(self.key) is self
        return is_latest and topic_filter in session.subscriptions

    def _is_behind(self) -> bool:
        session = self._replay.session
        if session.outlet is None:
            return False  # what it misses, its queue's policy decides
        return session.outlet.congested or len(session.mqueue) > 0
