"""Rules at work against a real target, without a node around them: an engine over a broker in memory, on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import uvloop

from app.mqtt.packets import Publish
from app.rules.actions.base import ActionSpec
from app.rules.actions.queue import QueueLimits
from app.rules.engine import EngineSettings, RuleEngine
from app.rules.metrics import ActionMetrics
from app.rules.registry import RESOURCE_TYPES, Registry
from app.rules.resources.base import ResourceSpec
from app.rules.rule import RuleSpec
from app.rules.sql import compile_sql
from tests.harness.playbook import Playbook

RESOURCE = "resource:1"
ACTION = "action_1"
DEADLINE_S = 30.0
POLL_S = 0.005


class WorkingRules:
    """One resource, and one rule with one action that stands on it."""

    def __init__(
        self, kind: str, config: Mapping[str, Any], action: str, params: Mapping[str, Any]
    ) -> None:
        """Begin with both.

        Args:
            kind: Of the resource.
            config: Its configuration.
            action: The action's name.
            params: Its parameters, the resource's id apart.
        """
        self.playbook = Playbook()
        self.engine = RuleEngine(Registry())
        given = {"$resource": RESOURCE, **params}
        rule = RuleSpec("r", compile_sql('SELECT * FROM "#"'), (ActionSpec(ACTION, action, given),))
        limits = QueueLimits(max_retries=None, retry_interval_s=0.01, longest_pause_s=0.05)
        self.engine.start(
            self.playbook.core,
            EngineSettings(limits),
            [ResourceSpec(RESOURCE, kind, config)],
            [rule],
        )
        self._client = self.playbook.connect("publisher")

    def publish(self, topic: str, payload: bytes) -> None:
        """Have the rule's action take a message."""
        self._client.sends(Publish(topic, payload, 0))

    @property
    def figures(self) -> ActionMetrics:
        """Return what the action has counted."""
        return self.engine.figures("r")[1][ACTION]

    @property
    def is_alive(self) -> bool:
        """Tell whether the resource says that its target is there."""
        return self.engine.resources.is_alive(RESOURCE)

    async def settled(self, count: int) -> None:
        """Wait until so many results have been delivered or given up."""
        await until(lambda: self.figures.success + self.figures.failed >= count)


def kind_of(name: str) -> Any:
    """Return a kind of resource, with its library."""
    kind = next(one for one in RESOURCE_TYPES if one.name == name)
    kind.make_ready()
    return kind


def play(
    kind: str,
    config: Mapping[str, Any],
    action: tuple[str, Mapping[str, Any]],
    scene: Callable[[WorkingRules], Coroutine[Any, Any, None]],
) -> None:
    """Run a scene with an engine; what it leaves running is ended and nothing may be left behind."""
    kind_of(kind)

    async def run() -> None:
        rules = WorkingRules(kind, config, *action)
        try:
            await scene(rules)
        finally:
            rules.engine.stop()
            await until(lambda: len(asyncio.all_tasks()) == 1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def probe(kind: str, config: Mapping[str, Any]) -> None:
    """Try a configuration out; raises what a probe raises, and leaves nothing running."""
    found = kind_of(kind)

    async def run() -> None:
        try:
            await found.probe(ResourceSpec("x", kind, found.checked(config)), Playbook().core)
        finally:
            await until(lambda: len(asyncio.all_tasks()) == 1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - who waits is a test
            await asyncio.sleep(POLL_S)
