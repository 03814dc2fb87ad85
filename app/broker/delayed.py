"""Messages that are published later: `$delayed/{seconds}/{topic}`.

Messages that are due at the same time go out in slices, in the order they came in, with turns for everybody else in
between.

A number below 4294967 is a delay in seconds; any other is a moment in Unix seconds, at most so far ahead. Held in
memory on the broker's timers.

Source: EMQX 4.4 `emqx_mod_delayed`. Different here: the ACL is asked about the topic that the message is for, a form
that cannot be read is refused instead of being lost, and a message's expiry counts from when it is published.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from app.broker.banned import Banned
from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.mountpoint import mount
from app.broker.ports import NO_STORAGE, StoredDelayed
from app.broker.reserved import publish_reason
from app.broker.turns import Turns, next_turn
from app.clock import Clock
from app.config import DelayedConfig
from app.mqtt.errors import ProtocolViolation
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, validate_topic_name

logger = logging.getLogger(__name__)

PREFIX = "$delayed/"
MAX_INTERVAL_S = 4_294_967
_LONGEST_NUMBER = 12
SLICE = 100
"""Messages released before others get a turn: a millisecond or two."""


class Parts(NamedTuple):
    """A delayed topic, taken apart."""

    delay_s: float
    """Not negative; a moment that has passed is 0."""
    topic: str


def parse(topic: str, now_s: float) -> Parts | None:
    """Take a topic that begins with `$delayed/` apart; None where it cannot be meant.

    Args:
        topic: the whole name.
        now_s: Unix time in seconds.
    """
    number, _, target = topic.removeprefix(PREFIX).partition("/")
    if not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER):
        return None
    try:
        validate_topic_name(target)
    except InvalidTopic:
        return None
    if publish_reason(target) is not ReasonCode.SUCCESS:
        return None
    value = int(number)
    if value < MAX_INTERVAL_S:
        return Parts(value, target)
    if value - now_s > MAX_INTERVAL_S:
        return None
    return Parts(max(0.0, value - now_s), target)


def target_of(topic: str) -> str:
    """Return the topic that a message is for in the end."""
    while topic.startswith(PREFIX):
        topic = topic.removeprefix(PREFIX).partition("/")[2]
    return topic


def mounted(mountpoint: str, topic: str) -> str:
    """Put a mountpoint before the topic that a message is for.

    Raises:
        ProtocolViolation: the whole is too long for a topic.
    """
    target = target_of(topic)
    try:
        return topic[: len(topic) - len(target)] + mount(mountpoint, target)
    except InvalidTopic as error:
        raise ProtocolViolation(str(error), ReasonCode.TOPIC_NAME_INVALID) from error


class Delayed:
    """The messages that wait for their time."""

    def __init__(
        self,
        config: DelayedConfig,
        metrics: Metrics,
        clock: Clock,
        banned: Banned,
        turns: Turns,
        publish: Callable[[Message], int],
    ) -> None:
        """Start with none."""
        self.is_on = True
        """Whether messages are taken; what waits already is published in any case."""
        self.storage = NO_STORAGE
        self.kept: dict[int, StoredDelayed] = {}
        """Those that the storage knows, by its numbers."""
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._banned = banned
        self._turns = turns
        self._publish = publish
        self._waiting: dict[str, StoredDelayed] = {}
        """By message id."""
        self._due: deque[StoredDelayed] = deque()
        self._is_releasing = False

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._waiting)

    def waiting(self, start: int, stop: int) -> list[StoredDelayed]:
        """Return some of those that wait, in the order in which they came."""
        return list(islice(self._waiting.values(), start, stop))

    def find(self, message_id: str) -> StoredDelayed | None:
        """Return one that waits, or None."""
        return self._waiting.get(message_id)

    def cancel(self, message_id: str) -> bool:
        """Forget a message that waits; False where there is none."""
        waiting = self._waiting.get(message_id)
        if waiting is None:
            return False
        self._forget(waiting)
        return True

    def _forget(self, waiting: StoredDelayed) -> None:
        del self._waiting[waiting.message.id]
        if self.kept.pop(waiting.number, None) is not None:
            self.storage.delayed_is_over(waiting.number)

    def reason(self, topic: str) -> ReasonCode:
        """Say whether a client's message on a `$delayed/` topic can be taken now."""
        if not self.is_on or parse(topic, self._clock.wall_ms() / 1000) is None:
            return ReasonCode.TOPIC_NAME_INVALID
        return ReasonCode.QUOTA_EXCEEDED if self._is_full() else ReasonCode.SUCCESS

    def take(self, message: Message) -> bool:
        """Hold a message on a `$delayed/` topic back until its time; False where it is lost instead."""
        parts = parse(message.topic, self._clock.wall_ms() / 1000)
        if not self.is_on or parts is None or self._is_full():
            self._metrics.messages_dropped_delayed += 1
            logger.warning("A delayed message was dropped: %.200s", message.topic)
            return False
        self._metrics.messages_delayed += 1
        due_at_ms = self._clock.wall_ms() + round(parts.delay_s * 1000)
        waiting = StoredDelayed(0, message, parts.topic, due_at_ms)
        waiting.number = self.storage.delayed(waiting)
        self._wait(waiting, parts.delay_s)
        return True

    def put_back(self, waiting: StoredDelayed, now_ms: int) -> None:
        """Hold back what was held back when the node was last there."""
        self._wait(waiting, max(0.0, (waiting.due_at_ms - now_ms) / 1000))

    def _wait(self, waiting: StoredDelayed, delay_s: float) -> None:
        self._waiting[waiting.message.id] = waiting
        if waiting.number:
            self.kept[waiting.number] = waiting
        self._turns.after(delay_s, lambda: self._is_due(waiting))

    def _is_full(self) -> bool:
        limit = self._config.max_delayed_messages
        return limit > 0 and len(self._waiting) >= limit

    def _is_due(self, waiting: StoredDelayed) -> None:
        self._due.append(waiting)
        if not self._is_releasing:
            self._is_releasing = True
            self._turns.spawn(self._release_all())

    async def _release_all(self) -> None:
        while self._due:
            for _ in range(min(SLICE, len(self._due))):
                waiting = self._due.popleft()
                try:
                    self._release(waiting)
                except Exception:
                    # Our bug with one message must not keep the others.
                    logger.exception("A delayed message on %.200s failed", waiting.topic)
            if self._due:
                await next_turn()
        self._is_releasing = False

    def _release(self, waiting: StoredDelayed) -> None:
        message = waiting.message
        if self._waiting.get(message.id) is not waiting:
            # It was cancelled meanwhile.
            return
        self._forget(waiting)
        if self._banned.find(message) is not None:
            self._metrics.messages_dropped_delayed += 1
            return
        self._publish(
            Message(
                waiting.topic,
                message.payload,
                message.qos,
                message.retain,
                self._clock.wall_ms(),
                message.clientid,
                message.username,
                message.peerhost,
                message.properties,
            )
        )
