"""What a plugin or a module is: the port that our own and other people's are written to (docs/plugins.md).

It knows the broker's parts and the table form of settings. It must not know where states are kept or who asks for a
change.

Source: EMQX 4.4 `emqx_plugins`, `emqx_gen_mod`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from app.auth.metrics import AuthCounters
from app.broker.core import BrokerCore
from app.broker.hooks import Callback
from app.config.table import Setting

PLUGIN = "plugin"
MODULE = "module"


class ExtensionError(Exception):
    """It cannot be loaded as things are; one sentence that says what to do."""


@dataclass(slots=True)
class Context:
    """What an extension is given while it is loaded."""

    core: BrokerCore
    """The broker's parts; to be used on the loop only."""
    config: Mapping[str, Any]
    """The values of its parameters, checked, by key."""
    prepared: Any = None
    """What its `prepare` returned."""
    owner: str = ""
    """Its name."""
    _taken: list[tuple[str, Callback, int]] = field(default_factory=list)

    def hook(self, point: str, callback: Callback, priority: int = 0) -> None:
        """Join a hook point until the extension is unloaded.

        Args:
            point: Its name, one of `app.broker.hooks.HOOK_POINTS`.
            callback: Called with the point's fields.
            priority: Higher ones are called first.
        """
        self.core.hooks.point(point).add(callback, priority, owner=self.owner)
        self._taken.append((point, callback, priority))

    def release(self) -> None:
        """Leave every hook point that was joined."""
        for point, callback, _priority in self._taken:
            self.core.hooks.point(point).remove(callback)

    def join_again(self) -> None:
        """Join every hook point that was left."""
        for point, callback, priority in self._taken:
            self.core.hooks.point(point).add(callback, priority, owner=self.owner)


@dataclass(frozen=True, slots=True)
class PluginEndpoint:
    """A call of the management API that a plugin answers, below `/api/v4`, while it is loaded."""

    name: str
    method: str
    path: str
    """As EMQX writes it: `/greetings/:name`."""
    handler: Callable[[Mapping[str, object]], object]
    """Called on the loop with the parameters of path, query and body; what it returns becomes `data`."""
    descr: str


class Extension:
    """The base of plugins and modules: one object of each per node, loaded and unloaded again and again."""

    kind: ClassVar[str]
    name: ClassVar[str]
    description: ClassVar[str]
    loaded_by_default: ClassVar[bool] = False
    loaded_by_settings: ClassVar[bool] = False
    """Whether it is loaded by default where the operator's settings name its parameters."""
    guards: ClassVar[bool] = False
    """Whether it keeps somebody out: a node whose guard cannot be loaded does not start."""
    essential: ClassVar[str] = ""
    """Why it cannot be unloaded, where it cannot."""
    parameters: ClassVar[tuple[Setting, ...]] = ()
    """Its settings. `$name` in a key stands for any name: there may be any number of them."""

    def prepare(self, config: Mapping[str, Any]) -> Any:
        """Get what loading needs and the loop must not wait for: files, tables. Called outside the loop.

        Raises:
            ExtensionError: It is not to be had.
        """
        del config
        return None

    def load(self, context: Context) -> None:
        """Begin to work. Called on the loop; what takes longer goes through `context.core.spawn`.

        Raises:
            ExtensionError: It cannot; whatever it has hooked is released.
        """
        raise NotImplementedError

    def unload(self) -> None:
        """End what is no hook of `context`; those are released by the host. Called on the loop."""

    def stand_by(self, core: BrokerCore) -> None:
        """Switch off what the broker would do by itself; called on the loop where it is not loaded at the start."""

    def reload(self, context: Context) -> None:
        """Take on new values. Called on the loop, in one go: nothing happens between the old hooks and the new ones."""
        self.unload()
        self.load(context)


class Plugin(Extension):
    """What EMQX ships as a plugin, or what somebody else wrote for us."""

    kind = PLUGIN
    type: ClassVar[str] = "feature"
    """auth, bridge, extension, feature or protocol."""
    endpoints: tuple[PluginEndpoint, ...] = ()
    """Calls of its own; those of our own plugins are in the table of the API."""
    calls: Mapping[str, Callable[[Mapping[str, object]], object]] = MappingProxyType({})
    """Of our own plugins: what answers calls of that table, by their names there, as the handlers of `endpoints` do."""

    def metrics(self) -> dict[str, int]:
        """Return what it has counted since the node's start, by name; any thread may ask."""
        counters = getattr(self, "counters", None)
        return counters.snapshot() if isinstance(counters, AuthCounters) else {}


class Module(Extension):
    """What EMQX calls a module: a part of the broker that can be switched on and off."""

    kind = MODULE
