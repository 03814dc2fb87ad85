"""Which subscribers take long to get their messages: the slowest ones, and on which topics.

How long is one of three times: `whole` from publishing to the end of the delivery (its acknowledgement, or its sending
where the message needs none), `internal` from publishing to sending, `response` from sending to the acknowledgement.
A client and topic stand in the ranking with their longest time, until it is too old to matter.

Source: EMQX 4.4 `emqx_mod_slow_subs`; `module.slow_subs.*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Callback
from app.broker.message import Message
from app.broker.timers import Timer

WHOLE, INTERNAL, RESPONSE = ("whole", "internal", "response")
SWEEP_EVERY_S = 1.0
MOST_AWAITED = 100_000
"""Deliveries whose acknowledgement is awaited; beyond that the oldest client's are not timed."""


@dataclass(frozen=True, slots=True)
class SlowSubsConfig:
    """What counts as slow, and what is kept of it."""

    threshold_ms: int = 500
    top_k: int = 10
    expire_interval_s: float = 300.0
    stats_type: str = WHOLE


class SlowSubscription(NamedTuple):
    """One row of the ranking."""

    clientid: str
    topic: str
    timespan_ms: int
    last_update_ms: int


class SlowSubs:
    """The ranking of one broker; all methods must be called on its loop."""

    def __init__(self) -> None:
        """Watch nobody until it is started."""
        self._core: BrokerCore | None = None
        self._config = SlowSubsConfig()
        self._ranking: dict[tuple[str, str], SlowSubscription] = {}
        self._sent: dict[str, dict[Message, int]] = {}
        """By client: when a message that will be acknowledged was sent."""
        self._awaited = 0
        self._timer: Timer | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether anybody is watched; any thread may ask."""
        return self._core is not None

    def start(self, core: BrokerCore, config: SlowSubsConfig) -> None:
        """Begin to watch."""
        self._core = core
        self._config = config
        for point, callback in self._callbacks().items():
            core.hooks.point(point).add(callback)
        self._timer = core.after(SWEEP_EVERY_S, self._sweep)

    def stop(self) -> None:
        """Watch no more, and forget the ranking."""
        core, self._core = self._core, None
        if core is None:
            return
        for point, callback in self._callbacks().items():
            core.hooks.point(point).remove(callback)
        if self._timer is not None:
            self._timer.cancel()
        self._sent.clear()
        self._awaited = 0
        self.clear()

    def clear(self) -> None:
        """Forget the ranking."""
        self._ranking.clear()

    def ranking(self) -> list[SlowSubscription]:
        """Return the slowest ones, the slowest first."""
        return sorted(self._ranking.values(), key=lambda one: -one.timespan_ms)

    # -- what is watched -----------------------------------------------------------------------

    def _callbacks(self) -> dict[str, Callback]:
        """Return what is hooked: no more than the kind of time needs."""
        if self._config.stats_type == INTERNAL:
            return {"message.delivered": self._sent_at_last}
        if self._config.stats_type == WHOLE:
            return {"message.delivered": self._sent_or_done, "message.acked": self._done}
        return {
            "message.delivered": self._awaits_ack,
            "message.acked": self._acked,
            "session.terminated": self._gone,
        }

    def _sent_at_last(self, clientid: str, message: Message) -> None:
        self._took(clientid, message, message.timestamp_ms)

    def _sent_or_done(self, clientid: str, message: Message) -> None:
        if message.qos == 0:
            self._took(clientid, message, message.timestamp_ms)

    def _done(self, clientid: str, message: Message) -> None:
        self._took(clientid, message, message.timestamp_ms)

    def _awaits_ack(self, clientid: str, message: Message) -> None:
        if message.qos == 0:
            return
        if self._awaited >= MOST_AWAITED:
            self._awaited -= len(self._sent.pop(next(iter(self._sent))))
        sent = self._sent.setdefault(clientid, {})
        if message not in sent:
            self._awaited += 1
            sent[message] = self._now_ms()

    def _acked(self, clientid: str, message: Message) -> None:
        sent = self._sent.get(clientid)
        sent_ms = None if sent is None else sent.pop(message, None)
        if sent is None or sent_ms is None:
            return
        self._awaited -= 1
        if not sent:
            del self._sent[clientid]
        self._took(clientid, message, sent_ms)

    def _gone(self, client: ClientInfo, _reason: str) -> None:
        self._awaited -= len(self._sent.pop(client.clientid, ()))

    # -- the ranking ---------------------------------------------------------------------------

    def _took(self, clientid: str, message: Message, since_ms: int) -> None:
        now_ms = self._now_ms()
        timespan_ms = now_ms - since_ms
        if timespan_ms <= self._config.threshold_ms or self._is_older_than(clientid, message):
            return
        key = (clientid, message.topic)
        known = self._ranking.get(key)
        if known is not None and timespan_ms <= known.timespan_ms:
            return
        if known is None and len(self._ranking) >= self._config.top_k:
            quickest = min(self._ranking, key=lambda one: self._ranking[one].timespan_ms)
            if self._ranking[quickest].timespan_ms >= timespan_ms:
                return
            del self._ranking[quickest]
        self._ranking[key] = SlowSubscription(clientid, message.topic, timespan_ms, now_ms)

    def _is_older_than(self, clientid: str, message: Message) -> bool:
        """Tell whether a message was there before the session: nobody was slow with what is retained."""
        assert self._core is not None
        channel = self._core.cm.get(clientid)
        session = None if channel is None else channel.session
        return session is not None and message.timestamp_ms <= session.created_at_ms

    def _sweep(self) -> None:
        core = self._core
        assert core is not None
        since_ms = self._now_ms() - round(self._config.expire_interval_s * 1000)
        for key in [key for key, one in self._ranking.items() if one.last_update_ms <= since_ms]:
            del self._ranking[key]
        self._timer = core.after(SWEEP_EVERY_S, self._sweep)

    def _now_ms(self) -> int:
        assert self._core is not None
        return self._core.clock.wall_ms()
