"""The plugins of the rule engine: the engine itself, and what those have in common that bring it what it can talk to.

Source: EMQX 4.4 `emqx_rule_engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.config.rule_engine import (
    RULE_ENGINE_DEAD_LETTERS,
    RULE_ENGINE_DEAD_LETTERS_SIZE,
    RULE_ENGINE_DISK_MAX_LEN,
    RULE_ENGINE_DISK_RETRY_TIME,
    RULE_ENGINE_EVENTS,
    RULE_ENGINE_FILES,
    RULE_ENGINE_IGNORE_SYS,
    RULE_ENGINE_MAX_RETRIES,
    RULE_ENGINE_QUEUE,
    RULE_ENGINE_RECORDER,
    RULE_ENGINE_RETRY_INTERVAL,
    RULE_ENGINE_ROWS,
)
from app.plugins.base import Context, ExtensionError, Plugin
from app.rules.actions.queue import QueueLimits
from app.rules.engine import EngineSettings, RuleEngine
from app.rules.events import EVENT_PREFIX, EVENTS
from app.rules.outbox.file import DeadLetterLimits, OutboxError
from app.rules.resources.base import ResourceSpec
from app.rules.rule import RuleSpec

Stored = tuple[Sequence[ResourceSpec], Sequence[RuleSpec]]


class RuleEnginePlugin(Plugin):
    """Runs the rules; its calls of the API exist while it is loaded."""

    name = "emqx_rule_engine"
    description = "EMQX Rule Engine"
    loaded_by_default = True
    parameters = RULE_ENGINE_ROWS

    def __init__(self, engine: RuleEngine, stored: Callable[[], Stored]) -> None:
        """Drive an engine; `stored` says which resources and rules there are."""
        self._engine = engine
        self._stored = stored

    def prepare(self, config: Mapping[str, Any]) -> Stored:
        """Open the outbox, and read the resources and rules.

        Raises:
            ExtensionError: The outbox cannot be used.
        """
        del config
        if self._engine.outbox is not None:
            try:
                self._engine.outbox.open()
            except OutboxError as error:
                raise ExtensionError(str(error)) from None
        return self._stored()

    def load(self, context: Context) -> None:
        """Begin with the rules."""
        settings = _settings(context.config)
        resources, rules = context.prepared
        self._engine.start(context.core, settings, resources, rules)

    def unload(self) -> None:
        """End all rules, and let go of what they talked to."""
        self._engine.stop()


def _settings(config: Mapping[str, Any]) -> EngineSettings:
    queue = QueueLimits(
        max_len=config[RULE_ENGINE_QUEUE.key],
        max_retries=config[RULE_ENGINE_MAX_RETRIES.key],
        retry_interval_s=config[RULE_ENGINE_RETRY_INTERVAL.key],
    )
    disk = replace(queue, max_retries=None, max_retry_s=config[RULE_ENGINE_DISK_RETRY_TIME.key])
    return EngineSettings(
        queue,
        config[RULE_ENGINE_IGNORE_SYS.key],
        _event_messages(config),
        disk,
        config[RULE_ENGINE_DISK_MAX_LEN.key],
        DeadLetterLimits(
            config[RULE_ENGINE_DEAD_LETTERS.key], config[RULE_ENGINE_DEAD_LETTERS_SIZE.key]
        ),
        config[RULE_ENGINE_RECORDER.key],
        config[RULE_ENGINE_FILES.key],
    )


def _event_messages(config: Mapping[str, Any]) -> dict[str, int]:
    """Return the events that are published as messages, by name, with the QoS of each.

    Raises:
        ExtensionError: There is no event of that name.
    """
    named = {one.topic.removeprefix(EVENT_PREFIX): one.name for one in EVENTS.values()}
    del named["message_publish"]
    prefix = RULE_ENGINE_EVENTS.key.removesuffix("$name")
    found = {}
    for key, qos in config.items():
        word = key.removeprefix(prefix)
        if word == key or qos is None:
            continue
        if word not in named:
            raise ExtensionError(f"{key}: there is no such event, only {', '.join(named)}.")
        found[named[word]] = qos
    return found


class Provider(Plugin):
    """Brings kinds of actions and resources; those that stand on them rest while it is not loaded."""

    loaded_by_default = True

    def __init__(self, engine: RuleEngine) -> None:
        """Bring them to an engine."""
        self._engine = engine

    def prepare(self, config: Mapping[str, Any]) -> Any:
        """Get what its resources need."""
        del config
        self._engine.resources.make_ready(self.name)

    def load(self, context: Context) -> None:
        """Have its kinds known."""
        del context
        self._engine.registry.provide(self.name)
        self._engine.providers_changed()

    def unload(self) -> None:
        """Have its kinds known no more."""
        self._engine.registry.withdraw(self.name)
        self._engine.providers_changed()
