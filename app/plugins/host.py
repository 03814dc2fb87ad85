"""What is loaded on a broker: loading, unloading and reloading, each in one go on the loop.

It knows neither which extensions there are nor which of them somebody wants.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from app.auth.metrics import AuthCounters
from app.broker.core import BrokerCore
from app.plugins.base import Context, Extension, ExtensionError

logger = logging.getLogger(__name__)


class ExtensionHost:
    """The loaded extensions of one broker. All methods but `is_loaded` must be called on its loop."""

    def __init__(self, core: BrokerCore) -> None:
        """Start with none."""
        self._core = core
        self._loaded: dict[Extension, Context] = {}

    def is_loaded(self, extension: Extension) -> bool:
        """Tell whether it is loaded; any thread may ask."""
        return extension in self._loaded

    def loaded(self) -> tuple[Extension, ...]:
        """Return what is loaded."""
        return tuple(self._loaded)

    def load(self, extension: Extension, config: Mapping[str, Any], prepared: Any) -> bool:
        """Load; False where it is loaded already.

        Raises:
            ExtensionError: It did not load.
        """
        if extension in self._loaded:
            return False
        context = Context(self._core, config, prepared, extension.name)
        try:
            extension.load(context)
        except Exception as error:
            context.release()
            raise _failure(extension, error) from error
        self._loaded[extension] = context
        counters = getattr(extension, "counters", None)
        counted = self._core.metrics.of_authenticators
        if isinstance(counters, AuthCounters) and not any(one is counters for one in counted):
            # They stay when it is unloaded: a sum must not fall.
            counted.append(counters)
        return True

    def stand_by(self, extension: Extension) -> None:
        """Tell an extension that it is not loaded at the start."""
        extension.stand_by(self._core)

    def unload(self, extension: Extension) -> bool:
        """Unload; False where it is not loaded."""
        context = self._loaded.pop(extension, None)
        if context is None:
            return False
        context.release()
        try:
            extension.unload()
        except Exception:
            # Its hooks are gone, which is what the node can see to.
            logger.exception("The %s %s failed while unloading", extension.kind, extension.name)
        return True

    def reload(self, extension: Extension, config: Mapping[str, Any], prepared: Any) -> bool:
        """Give a loaded one new values; one that fails goes on with the old ones. False where it is not loaded.

        Raises:
            ExtensionError: It did not take them.
        """
        old = self._loaded.get(extension)
        if old is None:
            return False
        new = Context(self._core, config, prepared, extension.name)
        old.release()
        try:
            extension.reload(new)
        except Exception as error:
            new.release()
            old.join_again()
            raise _failure(extension, error) from error
        self._loaded[extension] = new
        return True


def _failure(extension: Extension, error: Exception) -> ExtensionError:
    if isinstance(error, ExtensionError):
        return error
    logger.error("The %s %s failed", extension.kind, extension.name, exc_info=error)
    return ExtensionError(f"{extension.name} failed: {type(error).__name__}; see the log.")
