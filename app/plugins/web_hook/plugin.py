"""The plugin itself: what its parameters ask for, begun and ended.

Source: EMQX 4.4 `emqx_web_hook`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.config import web_hook as rows
from app.config.messages import rule_order
from app.config.web_hook import HookRule
from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.plugins.base import Context, ExtensionError
from app.plugins.rule_engine import Provider
from app.plugins.web_hook.bodies import ENCODE, EVENTS
from app.plugins.web_hook.teller import Plan, Teller, metric_of
from app.rules.actions.queue import QueueLimits
from app.rules.engine import RuleEngine
from app.rules.errors import BadArguments
from app.rules.resources.web_hook import WEB_HOOK

_SERVER = {
    "url": rows.URL,
    "cacertfile": rows.CACERTFILE,
    "certfile": rows.CERTFILE,
    "keyfile": rows.KEYFILE,
    "verify": rows.VERIFY,
    "server_name_indication": rows.SERVER_NAME,
    "pool_size": rows.POOL_SIZE,
}
_TIMES = {"connect_timeout": rows.CONNECT_TIMEOUT, "request_timeout": rows.REQUEST_TIMEOUT}


class WebHookPlugin(Provider):
    """Tells a web server of events, and brings rules the kinds that need one."""

    name = "emqx_web_hook"
    description = "EMQX WebHook Plugin"
    parameters = rows.WEB_HOOK_ROWS

    def __init__(self, engine: RuleEngine) -> None:
        """Bring the kinds to an engine."""
        super().__init__(engine)
        self._teller: Teller | None = None

    def prepare(self, config: Mapping[str, Any]) -> Plan:
        """Get what its resources need."""
        super().prepare(config)
        plan = plan_of(config)
        if plan.rules:
            WEB_HOOK.make_ready()
        return plan

    def load(self, context: Context) -> None:
        """Have its kinds known, and begin to tell."""
        teller = _teller(context)
        super().load(context)
        self._begin(context, teller)

    def reload(self, context: Context) -> None:
        """Tell as the parameters say now; rules and their resources are not touched."""
        teller = _teller(context)
        self._end()
        self._begin(context, teller)

    def unload(self) -> None:
        """Tell no more."""
        self._end()
        super().unload()

    def _begin(self, context: Context, teller: Teller | None) -> None:
        counters = context.core.metrics.of_plugins
        for point in EVENTS:
            counters.setdefault(metric_of(point), 0)
        self._teller = teller
        if teller is not None:
            teller.begin()

    def _end(self) -> None:
        teller, self._teller = self._teller, None
        if teller is not None:
            teller.end()


def _teller(context: Context) -> Teller | None:
    """Return who tells; nobody where there is nothing to tell: a server that nobody needs is not looked for."""
    plan: Plan = context.prepared
    if not plan.rules:
        return None
    try:
        return Teller(plan, context.core)
    except BadArguments as error:
        raise ExtensionError(f"web.hook: {error}") from None


def plan_of(config: Mapping[str, Any]) -> Plan:
    """Return what the parameters ask for.

    Raises:
        ExtensionError: There is no such event, or no address.
    """
    rules = _rules(config)
    if rules and not config[rows.URL.key]:
        raise ExtensionError(f"Set {rows.URL.key} to the address of a web server.")
    headers = {"content-type": "application/json"}
    headers |= {
        key.removeprefix(rows.HEADER_PREFIX): text
        for key, text in config.items()
        if key.startswith(rows.HEADER_PREFIX)
    }
    server = {name: config[row.key] for name, row in _SERVER.items()}
    server |= {name: f"{config[row.key]:f}s" for name, row in _TIMES.items()}
    encoding = config[rows.ENCODE_PAYLOAD.key] or config[rows.PAYLOAD_ENCODING.key]
    limits = QueueLimits(
        max_len=config[rows.QUEUE.key],
        max_retries=config[rows.MAX_RETRIES.key],
        retry_interval_s=config[rows.RETRY_INTERVAL.key],
    )
    return Plan({**server, "headers": headers}, rules, ENCODE[encoding], limits)


def _rules(config: Mapping[str, Any]) -> list[tuple[str, HookRule]]:
    found: list[tuple[str, HookRule]] = []
    names = [
        key.removeprefix(rows.RULE_PREFIX) for key in config if key.startswith(rows.RULE_PREFIX)
    ]
    for name in sorted(names, key=lambda name: rule_order(name.rpartition(".")[2])):
        rule: HookRule | None = config[rows.RULE_PREFIX + name]
        if rule is not None:
            point = name.rpartition(".")[0]
            _check(rows.RULE_PREFIX + name, point, rule)
            found.append((point, rule))
    return found


def _check(key: str, point: str, rule: HookRule) -> None:
    if point not in EVENTS:
        raise ExtensionError(f"{key}: there is no such event, only {', '.join(EVENTS)}.")
    action = "on_" + point.replace(".", "_")
    if rule.action != action:
        raise ExtensionError(f"{key}: the action of {point} is {action}.")
    if rule.topic is not None:
        try:
            validate_topic_filter(rule.topic)
        except InvalidTopic as error:
            raise ExtensionError(f"{key}: {rule.topic!r} is no topic filter: {error}.") from None
