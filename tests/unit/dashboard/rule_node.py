"""The rule engine, plugins and modules of a node in memory, for the pages about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.clock import Clock
from app.config import ManagementSettings, Settings
from app.models import Database
from app.node.proxy import Nodes
from app.secret_box import SecretBox
from app.services.data import DataServices
from app.services.extension_services import ExtensionServices
from app.services.modules import ModulesService
from app.services.rule_engine import RuleServices
from tests.harness.fake_door import FakeDoor
from tests.harness.fake_nodes import NODE
from tests.harness.loop_door import LoopDoor


class RuleNode:
    """What stands behind the services."""

    def __init__(self, nodes: Nodes, database: Database, clock: Clock, folder: Path) -> None:
        box = SecretBox(folder)
        settings = Settings(folder)
        self.door = FakeDoor()
        self.loop = LoopDoor()
        self.extensions = ExtensionServices.over(nodes, self.door, database, box, clock, settings)
        self.rules = RuleServices.over(nodes, self.loop, database, box, clock, folder)
        data = DataServices.over(database, box, clock, NODE, ManagementSettings())
        self.rules.join(self.extensions.states, data)

    @property
    def modules(self) -> ModulesService:
        return self.extensions.modules

    def start(self) -> None:
        """Load what is loaded at a start; rules work from then on."""
        self.extensions.states.load_at_start()

    def on_loop(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.loop.call(function, *args)

    def stop(self) -> None:
        if self.rules.engine.is_running:
            self.rules.rules.stop()
        self.loop.close()


def add(services: Any, nodes: Nodes, database: Database, clock: Clock, folder: Path) -> RuleNode:
    """Give services the rule engine and the extensions; it is started by who needs it."""
    node = RuleNode(nodes, database, clock, folder)
    services.rules = node.rules.rules
    services.resources = node.rules.resources
    services.plugins = node.extensions.plugins
    services.rule_node = node
    return node
