"""The way from request threads to the plugins and modules on the loop: one crossing per change.

It knows neither which there are nor where their states are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from app.broker.core import BrokerCore
from app.node.loop_thread import LoopThread
from app.plugins.base import Extension
from app.plugins.host import ExtensionHost

T = TypeVar("T")


class NodeExtensions:
    """The extensions of one node. Request threads share it.

    Every crossing may raise `ServiceError` with BADRPC, where the loop is not there or does not answer in time.
    """

    def __init__(self, thread: LoopThread, core: BrokerCore) -> None:
        """Take the loop and the broker's parts on it."""
        self._thread = thread
        self._host = ExtensionHost(core)

    def is_loaded(self, extension: Extension) -> bool:
        """Tell whether it is loaded, without crossing."""
        return self._host.is_loaded(extension)

    def load(self, extension: Extension, config: Mapping[str, Any], prepared: Any) -> bool:
        """Load; False where it is loaded already.

        Raises:
            ExtensionError: It did not load.
        """
        return self._thread.call(self._host.load, extension, config, prepared)

    def stand_by(self, extension: Extension) -> None:
        """Tell an extension that it is not loaded at the start."""
        self._thread.call(self._host.stand_by, extension)

    def unload(self, extension: Extension) -> bool:
        """Unload; False where it is not loaded."""
        return self._thread.call(self._host.unload, extension)

    def reload(self, extension: Extension, config: Mapping[str, Any], prepared: Any) -> bool:
        """Give a loaded one new values; False where it is not loaded.

        Raises:
            ExtensionError: It did not take them, and goes on with the old ones.
        """
        return self._thread.call(self._host.reload, extension, config, prepared)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a plain function of an extension on the loop."""
        return self._thread.call(function, *args)
