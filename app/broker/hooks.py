"""Hook points: where plugins, authentication and rules join in, under EMQX's names.

Each point is declared once, in `HOOK_POINTS`; a point nobody declared cannot be used. Callbacks of a point are an
immutable tuple sorted by priority and replaced whole, so a point without callbacks costs one attribute read.

Source: hook points of EMQX 4.4 in the order of a client's life; `strict` as its successors learned it: a callback
that raises on a strict point refuses (fail closed) instead of being passed over. One that has to be waited for and does
not answer in time counts as one that raised.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from app.broker.client_info import ClientInfo

logger = logging.getLogger(__name__)


class Hearer(Protocol):
    """Somebody who hears of a topic's messages and leaves them as they are."""

    publishes: bool
    """It may publish while it hears, so it hears of each message right before that one goes out. All others hear of a
    run in one go, before any of it is acknowledged."""

    def hear(
        self, client: ClientInfo, topic: str, qos: int, at_ms: int, payloads: Sequence[bytes]
    ) -> None:
        """Hear of messages without RETAIN and properties, in their order; raises nothing.

        Args:
            client: Whose they are.
            topic: What they are on.
            qos: Of each of them.
            at_ms: When they came; wall time.
            payloads: One for each message.
        """


Callback = Callable[..., Any]
Interest = Callable[[str], bool | Hearer]
"""Tells whether somebody does anything about the messages on a topic: a hearer is told of those on the express lane
in place of the callback, True has them come to the callback."""
InTime = Callable[[str, Awaitable[Any]], Awaitable[Any]]
"""Waits for what a point's callback answers; raises `TimeoutError`, and ends what is late, after the time it gives."""


@dataclass(frozen=True, slots=True)
class Ok:
    """A callback's answer: go on with this value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Stop:
    """A callback's answer: this value is final."""

    value: Any


@dataclass(frozen=True, slots=True)
class HookPointSpec:
    """Declaration of a point: its name, what callbacks receive, whether it folds, waits, fails closed."""

    name: str
    fields: tuple[str, ...]
    folds: bool = False
    may_wait: bool = False
    strict: bool = False


HOOK_POINTS = (
    HookPointSpec("client.connect", ("client", "packet")),
    HookPointSpec("client.connack", ("client", "reason_code")),
    HookPointSpec("client.authenticate", ("client", "verdict"), True, True, True),
    HookPointSpec("client.enhanced_authenticate", ("client", "method", "found"), True, True, True),
    HookPointSpec("client.connected", ("client",)),
    HookPointSpec("client.check_acl", ("client", "action", "topic", "verdict"), True, True, True),
    HookPointSpec("client.check_acl_subscribe", ("client", "topic", "verdict"), True, True, True),
    HookPointSpec("client.explain_acl", ("client", "action", "topic", "verdict"), True, True, True),
    HookPointSpec("client.check_acl_complete", ("client", "action", "topic", "allowed")),
    HookPointSpec("client.subscribe", ("client", "filters"), True),
    HookPointSpec("client.unsubscribe", ("client", "filters"), True),
    HookPointSpec("client.disconnected", ("client", "reason")),
    HookPointSpec("session.created", ("client",)),
    HookPointSpec("session.subscribed", ("client", "topic_filter", "options")),
    HookPointSpec("session.unsubscribed", ("client", "topic_filter")),
    HookPointSpec("session.resumed", ("client",)),
    HookPointSpec("session.discarded", ("client",)),
    HookPointSpec("session.takeovered", ("client",)),
    HookPointSpec("session.terminated", ("client", "reason")),
    HookPointSpec("message.publish", ("message",), True),
    HookPointSpec("message.delivered", ("clientid", "message")),
    HookPointSpec("message.acked", ("clientid", "message")),
    HookPointSpec("message.dropped", ("message", "reason")),
    HookPointSpec("delivery.dropped", ("clientid", "message", "reason")),
)


class HookFailed(Exception):
    """A callback of a strict point raised; whoever asked must refuse."""


class HookPoint:
    """The callbacks of one point."""

    __slots__ = ("_entries", "_hooks", "_interests", "_owners", "callbacks", "spec")

    def __init__(self, spec: HookPointSpec, hooks: Hooks) -> None:
        """Start without callbacks."""
        self.spec = spec
        self._hooks = hooks
        self.callbacks: tuple[Callback, ...] = ()
        self._entries: list[tuple[int, Callback]] = []
        """By priority; equal ones in the order they came, which sorting keeps."""
        self._interests: dict[Callback, Interest] = {}
        self._owners: dict[Callback, str] = {}

    def add(
        self,
        callback: Callback,
        priority: int = 0,
        *,
        interest: Interest | None = None,
        owner: str = "",
    ) -> None:
        """Add a callback; higher priority runs first, equal ones in the order they came.

        Args:
            callback: What is called.
            priority: Where in the line.
            interest: Says of a topic whether the callback does anything about its messages. It is called all the
                same wherever the point is run; but messages that nobody is interested in, or that a hearer is told
                of, need not come here.
            owner: The plugin or module whose callback it is, for whoever wants to know who decided.
        """
        self._owners[callback] = owner
        if interest is not None:
            self._interests[callback] = interest
        self._entries.append((-priority, callback))
        self._entries.sort(key=itemgetter(0))
        self.callbacks = tuple(entry[1] for entry in self._entries)
        self._hooks.on_change()

    def remove(self, callback: Callback) -> None:
        """Remove a callback; one that is not there is no error."""
        self._interests.pop(callback, None)
        self._owners.pop(callback, None)
        self._entries = [entry for entry in self._entries if entry[1] != callback]
        self.callbacks = tuple(entry[1] for entry in self._entries)
        self._hooks.on_change()

    def owner_of(self, callback: Callback) -> str:
        """Return whose callback it is; empty where nobody said so."""
        return self._owners.get(callback, "")

    def interests(self) -> tuple[Interest, ...] | None:
        """Return who says which topics matter here; None where a callback has to hear of all."""
        if len(self._interests) < len(self._entries):
            return None
        return tuple(self._interests.values())

    def run(self, *args: Any) -> None:
        """Tell everybody. One callback's failure is logged and does not reach the others."""
        for callback in self.callbacks:
            try:
                callback(*args)
            except Exception:
                logger.exception("A callback of %s failed", self.spec.name)

    def fold(self, *args: Any, value: Any) -> Any:
        """Pass a value through the callbacks and return what they made of it.

        Raises:
            HookFailed: a callback of a strict point raised.
        """
        for callback in self.callbacks:
            try:
                answer = callback(*args, value)
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises
                self._failed(error)
                continue
            if isinstance(answer, Ok):
                value = answer.value
            elif isinstance(answer, Stop):
                return answer.value
        return value

    def fold_promptly(self, *args: Any, value: Any) -> Any:
        """Fold as `fold_waiting` does, and return the value itself where no callback has to be waited for.

        Returns:
            The value, or an awaitable of it, which raises as `fold_waiting` does.

        Raises:
            HookFailed: a callback of a strict point raised.
        """
        for index, callback in enumerate(self.callbacks):
            try:
                answer = callback(*args, value)
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises
                self._failed(error)
                continue
            if isinstance(answer, Awaitable):
                return self._fold_rest(args, value, answer, self.callbacks[index + 1 :])
            if isinstance(answer, Ok):
                value = answer.value
            elif isinstance(answer, Stop):
                return answer.value
        return value

    async def fold_waiting(self, *args: Any, value: Any) -> Any:
        """Fold as `fold` does, waiting for callbacks that answer later.

        Raises:
            HookFailed: a callback of a strict point raised.
        """
        value = self.fold_promptly(*args, value=value)
        return await value if isinstance(value, Awaitable) else value

    async def _fold_rest(
        self, args: tuple[Any, ...], value: Any, due: Awaitable[Any], callbacks: Sequence[Callback]
    ) -> Any:
        """Go on when a callback's answer is there, and with those behind it."""
        for callback in (None, *callbacks):
            try:
                answer = due if callback is None else callback(*args, value)
                if isinstance(answer, Awaitable):
                    answer = await self._hooks.in_time(self.spec.name, answer)
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises
                self._failed(error)
                continue
            if isinstance(answer, Ok):
                value = answer.value
            elif isinstance(answer, Stop):
                return answer.value
        return value

    def _failed(self, error: Exception) -> None:
        logger.error("A callback of %s failed", self.spec.name, exc_info=error)
        if self.spec.strict:
            raise HookFailed(self.spec.name) from error


class Hooks:
    """All points of one broker."""

    def __init__(self, in_time: InTime) -> None:
        """Make every declared point.

        Args:
            in_time: waits for answers that come later.
        """
        self.in_time = in_time
        self.on_change: Callable[[], None] = nobody_asked
        """Called after every change of any point's callbacks."""
        self._points = {spec.name: HookPoint(spec, self) for spec in HOOK_POINTS}

    def point(self, name: str) -> HookPoint:
        """Return a point by name.

        Raises:
            KeyError: nobody declared that point.
        """
        return self._points[name]


def nobody_asked() -> None:
    """Hear of a change, and do nothing about it."""
