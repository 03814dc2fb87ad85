"""Events on their way to a web server: each rule's are described at once and told later, in order for each client.

The queue and the server are those of the rule engine; what waits is bounded, what fails is tried again, and nothing of
it ever holds up the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.broker.core import BrokerCore
from app.broker.hooks import Callback, Interest
from app.config.web_hook import HookRule
from app.mqtt.topic import matches
from app.plugins.web_hook.bodies import EVENTS, Around
from app.rules.actions.queue import ActionQueue, Job, QueueLimits, Values, one_by_one
from app.rules.complaints import Complaints
from app.rules.metrics import ActionMetrics
from app.rules.resources.base import ResourceSpec
from app.rules.resources.http import HttpRequest
from app.rules.resources.web_hook import WEB_HOOK, WebHook
from app.rules.terms.scope import Columns

logger = logging.getLogger(__name__)

PRIORITY = -100
"""After those who change messages, so that the server hears what receivers will see."""
MESSAGES = "message.publish"
_NO_COLUMNS = Columns()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is told, to whom and how."""

    server: Mapping[str, Any]
    """The configuration of a resource `web_hook`."""
    rules: Sequence[tuple[str, HookRule]]
    """Hook points, each with what is told of it; one may be there several times."""
    encode: Callable[[bytes], str]
    limits: QueueLimits


def metric_of(point: str) -> str:
    """Return what counts the events of a hook point."""
    return "webhook." + point.replace(".", "_")


class Teller:
    """Tells one server of events. To be used on the loop."""

    def __init__(self, plan: Plan, core: BrokerCore) -> None:
        """Be ready; `begin` joins the hook points.

        Raises:
            BadArguments: A file of TLS cannot be used.
        """
        spec = ResourceSpec("emqx_web_hook", "web_hook", WEB_HOOK.checked(plan.server))
        self._server = WebHook(spec, core)
        self._core = core
        self._node = core.config.node_name
        self._around = Around(core, plan.encode)
        self._rules = plan.rules
        self.metrics = ActionMetrics()
        lanes = one_by_one(self._tell, self._server.pool_size)
        self._queue = ActionQueue(lanes, plan.limits, self.metrics)
        self._complaints = Complaints(logger, "Telling the web hook of an event")
        self._hooked: list[tuple[str, Callback]] = []

    def begin(self) -> None:
        """Look for the server, and listen."""
        self._server.start()
        for point, rule in self._rules:
            callback = self._callback(point, rule)
            interest = _interest(rule) if point == MESSAGES else None
            self._core.hooks.point(point).add(callback, PRIORITY, interest=interest)
            self._hooked.append((point, callback))

    def end(self) -> None:
        """Listen no more, and give up what waits."""
        for point, callback in self._hooked:
            self._core.hooks.point(point).remove(callback)
        self._hooked = []
        self._queue.close()
        self._server.close()

    def _callback(self, point: str, rule: HookRule) -> Callback:
        describe, counter = EVENTS[point], metric_of(point)
        action = rule.action.removeprefix("on_")
        counters = self._core.metrics.of_plugins

        def tell(*arguments: Any) -> None:
            for told in describe(self._around, *arguments):
                if rule.topic is None or _is_about(told.topic, rule.topic):
                    counters[counter] += 1
                    body = {"action": action, "node": self._node, **told.body}
                    self._put(told.clientid, body)

        return tell

    def _put(self, clientid: str, body: Values) -> None:
        if not self._queue.put(Job(body, _NO_COLUMNS, self._settle, key=clientid)):
            self._complaints.note("its queue is full")

    def _settle(self, reason: str) -> None:
        if reason:
            self.metrics.failed += 1
            self._complaints.note(reason)
        else:
            self.metrics.success += 1

    async def _tell(self, body: Values, _event: Columns) -> None:
        await self._server.ask(HttpRequest("POST", "", {}, orjson.dumps(body)))


def _is_about(topic: str | None, topic_filter: str) -> bool:
    return topic is not None and (topic == topic_filter or matches(topic, topic_filter))


def _interest(rule: HookRule) -> Interest | None:
    topic_filter = rule.topic
    return None if topic_filter is None else lambda topic: matches(topic, topic_filter)
