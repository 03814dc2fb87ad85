"""Messages of single topics, counted one by one: in, out and dropped, with their rates.

Topics are names, never filters. Hooks are taken with the first topic and left with the last, so that nobody pays for
what nobody counts; while there are topics a message costs one look-up. Which topics there are is decided elsewhere.

Source: EMQX 4.4 `emqx_mod_topic_metrics`; seed 004, GET /api/v4/topic-metrics.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from app.broker.core import BrokerCore
from app.broker.message import Message
from app.broker.timers import Timer

NAMES = (
    "messages.in",
    "messages.out",
    "messages.dropped",
    "messages.qos0.in",
    "messages.qos0.out",
    "messages.qos1.in",
    "messages.qos1.out",
    "messages.qos2.in",
    "messages.qos2.out",
)
IN, OUT, DROPPED = range(3)
QOS_IN = (3, 5, 7)
QOS_OUT = (4, 6, 8)
RATE_OVER_S = 5.0
"""Rates are those of the last so many seconds."""
PAST = 360
"""Rates of the past that are kept, for a chart of half an hour: three numbers each, of four bytes."""
AFTER_THE_REST = -1_000
"""Hook priority: rewritten topics are counted as they are then, and stopped messages are not."""


@dataclass(frozen=True, slots=True)
class TopicRates:
    """Rates of one topic over the last while, oldest first, `RATE_OVER_S` apart."""

    until_ms: int
    """When the last of them was taken."""
    messages_in: list[float]
    messages_out: list[float]
    messages_dropped: list[float]


class TopicCounts:
    """What was counted on one topic."""

    __slots__ = ("_before", "counts", "past", "rates")

    def __init__(self) -> None:
        """Start at nought."""
        self.counts = [0] * len(NAMES)
        self.rates = [0.0] * len(NAMES)
        self._before = list(self.counts)
        self.past = array("f")
        """Rates in, out and dropped, in turn; floats themselves would take ten times the memory."""

    def note_rates(self) -> None:
        """Take what came since the last call for the rates."""
        pairs = zip(self.counts, self._before, strict=True)
        self.rates = [round((now - before) / RATE_OVER_S, 2) for now, before in pairs]
        self._before = list(self.counts)
        self.past.extend(self.rates[:3])
        if len(self.past) > 3 * PAST:
            del self.past[:3]

    def row(self) -> dict[str, int | float]:
        """Return counts and rates under EMQX's names."""
        row: dict[str, int | float] = {}
        for name, count, rate in zip(NAMES, self.counts, self.rates, strict=True):
            row[f"{name}.count"] = count
            row[f"{name}.rate"] = rate
        return row


class TopicMetrics:
    """The counted topics of one broker; all methods must be called on its loop."""

    def __init__(self) -> None:
        """Count nothing until it is started."""
        self._topics: dict[str, TopicCounts] = {}
        self._core: BrokerCore | None = None
        self._timer: Timer | None = None
        self._max_topics = 0
        self._noted_at_ms = 0

    @property
    def is_running(self) -> bool:
        """Tell whether topics may be counted; any thread may ask."""
        return self._core is not None

    def start(self, core: BrokerCore, topics: Iterable[str], max_topics: int) -> None:
        """Begin to count; topics that were counted all the time keep their counts.

        Args:
            core: of the broker.
            topics: to be counted from the start.
            max_topics: no more are taken.
        """
        self._core = core
        self._max_topics = max_topics
        for topic in topics:
            self.register(topic)

    def stop(self) -> None:
        """Count no more, and forget what was counted."""
        self.unregister_all()
        self._core = None

    def register(self, topic: str) -> bool:
        """Count a topic; False where there are too many, or it is counted already."""
        if self._core is None or topic in self._topics or len(self._topics) >= self._max_topics:
            return False
        if not self._topics:
            self._join(self._core)
        self._topics[topic] = TopicCounts()
        return True

    def unregister(self, topic: str) -> bool:
        """Count a topic no more; False where it was not."""
        if self._topics.pop(topic, None) is None:
            return False
        if not self._topics:
            self._leave()
        return True

    def unregister_all(self) -> None:
        """Count no topic any more."""
        if self._topics:
            self._topics.clear()
            self._leave()

    def row(self, topic: str) -> dict[str, int | float] | None:
        """Return counts and rates of a topic, None where it is not counted."""
        found = self._topics.get(topic)
        return None if found is None else found.row()

    def rows(self) -> dict[str, dict[str, int | float]]:
        """Return counts and rates of every topic, in the order of registration."""
        return {topic: counts.row() for topic, counts in self._topics.items()}

    def past_rates(self, topic: str) -> TopicRates | None:
        """Return the rates of a topic over the last while, None where it is not counted."""
        found = self._topics.get(topic)
        if found is None:
            return None
        rates = [round(rate, 2) for rate in found.past]
        return TopicRates(self._noted_at_ms, rates[IN::3], rates[OUT::3], rates[DROPPED::3])

    # -- hooks ---------------------------------------------------------------------------------

    def _join(self, core: BrokerCore) -> None:
        core.hooks.point("message.publish").add(self._published, AFTER_THE_REST)
        core.hooks.point("message.delivered").add(self._delivered)
        core.hooks.point("message.dropped").add(self._dropped)
        self._timer = core.after(RATE_OVER_S, self._note_rates)

    def _leave(self) -> None:
        core = self._core
        assert core is not None
        core.hooks.point("message.publish").remove(self._published)
        core.hooks.point("message.delivered").remove(self._delivered)
        core.hooks.point("message.dropped").remove(self._dropped)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note_rates(self) -> None:
        assert self._core is not None
        self._noted_at_ms = self._core.clock.wall_ms()
        for counts in self._topics.values():
            counts.note_rates()
        self._timer = self._core.after(RATE_OVER_S, self._note_rates)

    def _published(self, message: Message) -> None:
        found = self._topics.get(message.topic)
        if found is not None:
            found.counts[IN] += 1
            found.counts[QOS_IN[message.qos]] += 1

    def _delivered(self, _clientid: str, message: Message) -> None:
        found = self._topics.get(message.topic)
        if found is not None:
            found.counts[OUT] += 1
            found.counts[QOS_OUT[message.qos]] += 1

    def _dropped(self, message: Message, _reason: str) -> None:
        found = self._topics.get(message.topic)
        if found is not None:
            found.counts[DROPPED] += 1
