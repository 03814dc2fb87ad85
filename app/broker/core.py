"""The parts of one broker, bundled so that a channel can be handed all it may use in one argument."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from app.broker.access_control import AccessControl
from app.broker.banned import Banned
from app.broker.cm import ChannelManager
from app.broker.hooks import HookPoint, Hooks
from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.retained import RetainedStore
from app.broker.router import Router
from app.broker.shared_sub import SharedSubscriptions
from app.broker.timers import Timer, TimerWheel
from app.clock import Clock
from app.config import BrokerConfig


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
    retained: RetainedStore
    banned: Banned
    access: AccessControl
    cm: ChannelManager
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    """Run a coroutine that nobody waits for; its failure is logged."""
    on_publish: HookPoint = field(init=False)
    on_dropped: HookPoint = field(init=False)
    suboptions_count: int = 0

    def __post_init__(self) -> None:
        """Look up the hook points of the hot path once."""
        self.on_publish = self.hooks.point("message.publish")
        self.on_dropped = self.hooks.point("message.dropped")

    def after(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back once after so many seconds."""
        return self.timers.after(self.clock.monotonic_s(), delay_s, callback)

    def publish(self, message: Message) -> int:
        """Route a message to its receivers and return how many took it.

        Hooks may change or stop it; a stopped message counts as taken by nobody.
        """
        metrics = self.metrics
        about_itself = message.topic.startswith("$SYS/")
        if not about_itself:
            metrics.messages_publish += 1
        if self.on_publish.callbacks:
            folded: Message | None = self.on_publish.fold(value=message)
            if folded is None:
                return 0
            message = folded
        if message.retain:
            self.retained.on_publish(message)
        taken = 0
        for receiver, options in self.router.match(message.topic):
            if receiver.deliver(message, options):
                taken += 1
        if not taken and not about_itself:
            metrics.messages_dropped_no_subscribers += 1
            if self.on_dropped.callbacks:
                self.on_dropped.run(message, "no_subscribers")
        return taken
