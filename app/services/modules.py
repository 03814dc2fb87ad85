"""Modules: the parts of the broker that can be switched on and off while it runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

from app.errors import ResultCode, ServiceError
from app.node.proxy import Nodes
from app.plugins.acl_internal import AclInternal
from app.plugins.base import MODULE, PLUGIN
from app.plugins.node_parts import Reloader
from app.services.extensions import Extensions, ParameterRecord
from app.services.nodes import node_called

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How often housekeeping asks whether it is time to look at the file; the shortest interval that can be set."""


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """One module as the API shows it."""

    name: str
    description: str
    active: bool


class ModulesService:
    """The modules of the nodes. Request threads share it.

    Every method that names a node raises `UnknownNode` for one that is none.
    """

    def __init__(self, nodes: Nodes, extensions: Extensions) -> None:
        """Take what it works with."""
        self._nodes = nodes
        self._extensions = extensions
        self._looked_s = -inf

    def list(self, node: str | None = None) -> Sequence[ModuleRecord]:
        """Return the modules of a node, this one by default."""
        self._check(node)
        return [
            ModuleRecord(one.name, one.description, self._extensions.is_loaded(one))
            for one in self._extensions.registry.modules()
        ]

    def list_by_node(self) -> Sequence[tuple[str, Sequence[ModuleRecord]]]:
        """Return the modules of every node."""
        return [(node.name, self.list(node.name)) for node in self._nodes.all()]

    def is_active(self, name: str) -> bool:
        """Tell whether a module runs; one that there is not does not."""
        extension = self._extensions.registry.find(MODULE, name)
        return extension is not None and self._extensions.is_loaded(extension)

    def load(self, name: str, node: str | None = None) -> None:
        """Switch a module on, now and after every start.

        Raises:
            ServiceError: NOT_FOUND, PLUGIN_ALREADY_LOADED, or UNKNOWN where it does not work.
        """
        self._check(node)
        self._extensions.load(MODULE, name)

    def unload(self, name: str, node: str | None = None) -> None:
        """Switch a module off, for good.

        Raises:
            ServiceError: NOT_FOUND or PLUGIN_NOT_LOADED.
        """
        self._check(node)
        self._extensions.unload(MODULE, name)

    def reload(self, name: str, node: str | None = None) -> None:
        """Have a module read its files and parameters again.

        Raises:
            ServiceError: NOT_FOUND, PLUGIN_NOT_LOADED, or UNKNOWN where it does not work.
        """
        self._check(node)
        if not self._extensions.is_loaded(self._extensions.find(MODULE, name)):
            raise ServiceError(ResultCode.PLUGIN_NOT_LOADED)
        self._extensions.reload(MODULE, name)

    def config(self, name: str, node: str | None = None) -> Sequence[ParameterRecord]:
        """Return a module's parameters.

        Raises:
            ServiceError: NOT_FOUND.
        """
        self._check(node)
        return self._extensions.parameters(MODULE, name)

    def set_config(self, name: str, changes: Mapping[str, object], node: str | None = None) -> None:
        """Change a module's parameters; a running one works with them at once.

        Raises:
            ServiceError: NOT_FOUND, or BAD_PARAMETER with a text that names the key.
        """
        self._check(node)
        self._extensions.configure(MODULE, name, changes)

    def read_changed(self, now_s: float | None = None) -> None:
        """Have access rules read again where their file was changed, if `emqx_reloader` runs and its time has come.

        A chore of housekeeping. Rules that cannot be read change nothing.

        Args:
            now_s: Monotonic time; the clock's where it is not given.
        """
        extensions = self._extensions
        reloader = extensions.find(PLUGIN, Reloader.name)
        rules = extensions.find(MODULE, AclInternal.name)
        assert isinstance(reloader, Reloader)
        assert isinstance(rules, AclInternal)
        now_s = monotonic() if now_s is None else now_s
        if not extensions.is_loaded(reloader) or now_s - self._looked_s < reloader.interval_s:
            return
        self._looked_s = now_s
        if not (extensions.is_loaded(rules) and rules.is_outdated()):
            return
        try:
            extensions.reload(MODULE, AclInternal.name)
        except ServiceError as error:
            log.warning("The access rules stay as they were: %s", error.message)
        else:
            log.info("The access rules were read again, since their file was changed")

    def _check(self, node: str | None) -> None:
        if node is not None:
            node_called(self._nodes, node)
