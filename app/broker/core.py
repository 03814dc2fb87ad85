"""The parts of one broker, bundled so that a channel can be handed all it may use in one argument."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.broker.access_control import AccessControl
from app.broker.alarms import Alarms
from app.broker.banned import Banned
from app.broker.cm import ChannelManager
from app.broker.complaints import Complaints
from app.broker.delayed import PREFIX as DELAYED
from app.broker.delayed import Delayed
from app.broker.flapping import Flapping
from app.broker.hooks import Hearer, HookPoint, Hooks, Interest
from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.ports import NO_STORAGE, StoragePort
from app.broker.pressure import Pressure, Publisher
from app.broker.replay import Replays
from app.broker.retained import RetainedStore
from app.broker.router import Router, Subscription
from app.broker.shared_sub import SharedSubscriptions
from app.broker.subscriptions import Subscriptions
from app.broker.timers import Timer, TimerWheel
from app.clock import Clock
from app.config import BrokerConfig

logger = logging.getLogger(__name__)

HEARS_EVERY_MESSAGE = (
    "message.delivered",
    "message.acked",
    "message.dropped",
    "client.check_acl_complete",
)
"""Hook points that the express lane does not pass by."""
FRESHNESS = 0.1
"""By which part of its time a verdict of the ACL may outlast it on the express lane."""


@dataclass(slots=True)
class BrokerCore:
    """Everything that channels share. Made once by `Broker`."""

    config: BrokerConfig
    clock: Clock
    hooks: Hooks
    metrics: Metrics
    timers: TimerWheel
    router: Router
    shared: SharedSubscriptions
    subscriptions: Subscriptions
    retained: RetainedStore
    banned: Banned
    access: AccessControl
    cm: ChannelManager
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    """Run a coroutine that nobody waits for; its failure is logged."""
    pre_shared_keys: Mapping[str, bytes] = field(default_factory=dict)
    """Keys of TLS clients without certificates, by identity; replaced whole by whoever has them."""
    storage: StoragePort = NO_STORAGE
    alarms: Alarms = field(init=False)
    complaints: Complaints = field(init=False)
    flapping: Flapping = field(init=False)
    pressure: Pressure = field(init=False)
    delayed: Delayed = field(init=False)
    replays: Replays = field(init=False)
    gauges: dict[str, Callable[[], int]] = field(default_factory=dict)
    """Stats of others than the broker, by name, while whoever knows them is at work."""
    memory_is_short: bool = False
    """So little is left that newcomers are refused; the monitor says so."""
    express: object = field(init=False, default=None)
    """What a connection holds that may take the express lane (`lane.py`); replaced by every change of a hook, and None
    while a hook has to hear of every message."""
    interests: tuple[Interest, ...] = ()
    """Those of `message.publish`: a topic that one of them names does not take the express lane, but for hearers."""
    on_publish: HookPoint = field(init=False)
    on_check_acl: HookPoint = field(init=False)
    on_delivered: HookPoint = field(init=False)
    on_dropped: HookPoint = field(init=False)

    def __post_init__(self) -> None:
        """Look up the hook points of the hot path once."""
        self.complaints = Complaints(self.clock)
        self.pressure = Pressure(self.metrics, self.clock, self.after)
        self.alarms = Alarms(self.config.alarm, self.config.node_name, self.clock, self.publish)
        self.delayed = Delayed(
            self.config.delayed,
            self.metrics,
            self.clock,
            self.banned,
            self,
            self.publish,
        )
        self.retained.storage = self.delayed.storage = self.storage
        self.replays = Replays(self.retained, self.banned, self)
        self.flapping = Flapping(self.config, self.clock, self.metrics, self.banned)
        self.flapping.join(self.hooks, self.after)
        self.on_publish = self.hooks.point("message.publish")
        self.on_check_acl = self.hooks.point("client.check_acl")
        self.on_delivered = self.hooks.point("message.delivered")
        self.on_dropped = self.hooks.point("message.dropped")
        self.hooks.on_change = self.renew_express
        self.access.on_drain = self.renew_express
        self.renew_express()

    def renew_express(self) -> None:
        """End what connections on the express lane rely on; open it again where no hook is in the way."""
        interests = self.on_publish.interests()
        hears = any(self.hooks.point(name).callbacks for name in HEARS_EVERY_MESSAGE)
        self.express = None if hears or interests is None else object()
        self.interests = interests or ()
        # What a topic's messages must keep to may be what has changed.
        self.router.by_packet.clear()

    def hearer_of(self, topic: str) -> Hearer | bool:
        """Return who has to hear of a topic's messages on the express lane: True where they cannot go that way."""
        found: Hearer | bool = False
        for interest in self.interests:
            hearer = interest(topic)
            if hearer:
                if hearer is True or found:
                    return True
                found = hearer
        return found

    def keep_express_fresh(self) -> None:
        """Have what the ACL said about clients on the express lane looked up again, soon after it has become old."""
        if self.on_check_acl.callbacks:
            self.renew_express()
        delay_s = max(1.0, self.config.acl_cache_ttl_s * FRESHNESS)
        self.after(delay_s, self.keep_express_fresh)

    def after(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back once after so many seconds."""
        return self.timers.after(self.clock.monotonic_s(), delay_s, callback)

    def publish(self, message: Message, publisher: Publisher | None = None) -> int:
        """Route a message to its receivers.

        Hooks may change or stop it; a stopped message has no receivers.

        Args:
            message: what is published.
            publisher: who can be made to wait for a subscriber that is full; it takes `pressure.wait` afterwards.

        Returns:
            How many subscriptions and groups it was routed to, whatever became of it there; 1 for a message that
            is held back for later.
        """
        metrics = self.metrics
        if not message.about_broker:
            metrics.messages_publish += 1
            if message.topic[0] == "$" and message.topic.startswith(DELAYED):
                return int(self.delayed.take(message))
        if self.on_publish.callbacks:
            folded: Message | None = self.on_publish.fold(value=message)
            if folded is None:
                return 0
            message = folded
        if message.retain:
            self.retained.on_publish(message)
        receivers = self.router.match(message.topic).receivers
        pressure = self.pressure
        outer, pressure.publisher = pressure.publisher, publisher if message.qos else None
        self.deliver(receivers, message)
        pressure.publisher = outer
        if not receivers and not message.about_broker:
            metrics.messages_dropped_no_subscribers += 1
            if self.on_dropped.callbacks:
                self.on_dropped.run(message, "no_subscribers")
        return len(receivers)

    @staticmethod
    def deliver(receivers: Iterable[Subscription], message: Message) -> None:
        """Hand a message to receivers, whatever happens at one of them."""
        for receiver, options in receivers:
            try:
                receiver.deliver(message, options)
            except Exception:
                # Our bug at one receiver is neither the publisher's fault nor the other receivers'.
                logger.exception("A delivery of a message on %s failed", message.topic)
