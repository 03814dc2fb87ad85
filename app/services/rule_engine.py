"""Rules and resources as one part of the services, wired to the engine and to the plugins that switch it on and off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.clock import Clock
from app.models import Database
from app.node.proxy import Nodes
from app.plugins.bridge_mqtt import BridgeMqttPlugin
from app.plugins.rule_engine import RuleEnginePlugin
from app.plugins.web_hook import WebHookPlugin
from app.rules.engine import RuleEngine
from app.rules.outbox.file import FILE, Outbox
from app.rules.registry import Registry
from app.rules.resources.base import ResourceSpec
from app.rules.rule import RuleSpec
from app.secret_box import SecretBox
from app.services.data import DataServices
from app.services.data_sections import RESOURCES, RULES
from app.services.extensions import Extensions
from app.services.observation import Door
from app.services.resources import ResourcesService
from app.services.rules import RulesService


@dataclass(frozen=True, slots=True)
class RuleServices:
    """What the calls about rules, actions and resources work with."""

    rules: RulesService
    resources: ResourcesService
    engine: RuleEngine

    @classmethod
    def over(
        cls,
        nodes: Nodes,
        door: Door,
        database: Database,
        box: SecretBox,
        clock: Clock,
        folder: Path,
    ) -> RuleServices:
        """Make them.

        Args:
            nodes: The cluster.
            door: The way to this node's loop.
            database: Where rules and resources are.
            box: What the configurations of resources are sealed with.
            clock: Wall time.
            folder: Where the outbox is, and the folder of resources' files.
        """
        engine = RuleEngine(Registry(), Outbox(folder / FILE), folder)
        resources = ResourcesService(database, box, clock, door, engine)
        rules = RulesService(database, clock, door, engine, resources, nodes.local.name)
        return cls(rules, resources, engine)

    def join(self, states: Extensions, data: DataServices) -> None:
        """Put the plugins where plugins are, and hear of imports."""

        def stored() -> tuple[Sequence[ResourceSpec], Sequence[RuleSpec]]:
            return self.resources.stored(), self.rules.stored()

        for plugin in (
            WebHookPlugin(self.engine),
            BridgeMqttPlugin(self.engine),
            RuleEnginePlugin(self.engine, stored),
        ):
            states.registry.add(plugin)
        data.imports.when_changed(RESOURCES, self.resources.apply_stored)
        data.imports.when_changed(RULES, self.rules.apply_stored)
