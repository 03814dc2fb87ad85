"""Plugins: which there are, and running, stopping and configuring them while the node runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.config.table import Setting
from app.errors import ResultCode, ServiceError
from app.node.proxy import Nodes
from app.plugins.base import PLUGIN, Plugin, PluginEndpoint
from app.plugins.recon import Recon
from app.services.extensions import Extensions, ParameterRecord
from app.services.nodes import node_called


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """One plugin as the API shows it."""

    name: str
    description: str
    active: bool
    type: str


class PluginsService:
    """The plugins of the nodes. Request threads share it.

    Every method that names a node raises `UnknownNode` for one that is none.
    """

    def __init__(self, nodes: Nodes, extensions: Extensions) -> None:
        """Take what it works with."""
        self._nodes = nodes
        self._extensions = extensions

    def list(self, node: str | None = None) -> Sequence[PluginRecord]:
        """Return the plugins of a node, this one by default."""
        self._check(node)
        return [
            PluginRecord(one.name, one.description, self._extensions.is_loaded(one), one.type)
            for one in self._extensions.registry.plugins()
        ]

    def list_by_node(self) -> Sequence[tuple[str, Sequence[PluginRecord]]]:
        """Return the plugins of every node."""
        return [(node.name, self.list(node.name)) for node in self._nodes.all()]

    def metrics(self, name: str, node: str | None = None) -> Mapping[str, int]:
        """Return what a plugin has counted; most count nothing.

        Raises:
            ServiceError: NOT_FOUND.
        """
        self._check(node)
        extension = self._extensions.registry.find(PLUGIN, name)
        if not isinstance(extension, Plugin):
            raise ServiceError(ResultCode.NOT_FOUND)
        return extension.metrics()

    def recon(self) -> Mapping[str, object]:
        """Return what the node's process does right now, by `emqx_recon`.

        Raises:
            ServiceError: The node did not answer in time.
        """
        recon = self._extensions.find(PLUGIN, Recon.name)
        assert isinstance(recon, Recon)
        return self._extensions.call(recon.look)

    def is_active(self, name: str) -> bool:
        """Tell whether a plugin runs; one that there is not does not."""
        extension = self._extensions.registry.find(PLUGIN, name)
        return extension is not None and self._extensions.is_loaded(extension)

    def endpoints(self) -> Sequence[tuple[str, PluginEndpoint]]:
        """Return the calls that plugins of other packages answer, each with the plugin's name."""
        plugins = self._extensions.registry.plugins()
        return [(plugin.name, one) for plugin in plugins for one in plugin.endpoints]

    def ask(self, endpoint: PluginEndpoint, params: Mapping[str, object]) -> object:
        """Have a plugin answer a call of its own, on the loop.

        Raises:
            ServiceError: It refuses, or did not answer in time.
        """
        return self._extensions.call(endpoint.handler, params)

    def answer(self, name: str, call: str, params: Mapping[str, object]) -> object:
        """Have one of our own plugins answer a call of the table, on the loop.

        Raises:
            ServiceError: NOT_FOUND where there is no such plugin; or it refuses, or did not answer in time.
        """
        extension = self._extensions.find(PLUGIN, name)
        assert isinstance(extension, Plugin)
        return self._extensions.call(extension.calls[call], params)

    def load(self, name: str, node: str | None = None) -> None:
        """Run a plugin, now and after every start.

        Raises:
            ServiceError: NOT_FOUND, PLUGIN_ALREADY_LOADED, or UNKNOWN where it does not work.
        """
        self._check(node)
        self._extensions.load(PLUGIN, name)

    def unload(self, name: str, node: str | None = None) -> None:
        """Stop a plugin, for good.

        Raises:
            ServiceError: NOT_FOUND or PLUGIN_NOT_LOADED.
        """
        self._check(node)
        self._extensions.unload(PLUGIN, name)

    def reload(self, name: str, node: str | None = None) -> None:
        """Have a plugin read its parameters again; one that is stopped is run.

        Raises:
            ServiceError: NOT_FOUND, or UNKNOWN where it does not work.
        """
        self._check(node)
        self._extensions.reload(PLUGIN, name)

    def config(self, name: str, node: str | None = None) -> Sequence[ParameterRecord]:
        """Return a plugin's parameters; secrets read `******`.

        Raises:
            ServiceError: NOT_FOUND.
        """
        self._check(node)
        return self._extensions.parameters(PLUGIN, name)

    def repeatable(self, kind: str, name: str) -> Sequence[Setting]:
        """Return the parameters of a plugin or a module that there may be any number of: `$name` is in their keys.

        Raises:
            ServiceError: NOT_FOUND.
        """
        return [one for one in self._extensions.find(kind, name).parameters if "$" in one.key]

    def set_config(self, name: str, changes: Mapping[str, object], node: str | None = None) -> None:
        """Change a plugin's parameters; a running one works with them at once.

        Raises:
            ServiceError: NOT_FOUND, or BAD_PARAMETER with a text that names the key.
        """
        self._check(node)
        self._extensions.configure(PLUGIN, name, changes)

    def _check(self, node: str | None) -> None:
        if node is not None:
            node_called(self._nodes, node)
