"""`emqx_mod_delayed`: `$delayed/` topics, switched on and off. What waits already is published in any case."""

from __future__ import annotations

from app.broker.core import BrokerCore
from app.plugins.base import Context, Module


class DelayedPublish(Module):
    """Publishes messages later."""

    name = "emqx_mod_delayed"
    description = "EMQX Delayed Publish Module"
    loaded_by_default = True

    def __init__(self) -> None:
        """Wait for a broker."""
        self._core: BrokerCore | None = None

    def load(self, context: Context) -> None:
        """Take messages on `$delayed/` topics."""
        self._core = context.core
        self._core.delayed.is_on = True

    def unload(self) -> None:
        """Refuse them."""
        if self._core is not None:
            self._core.delayed.is_on = False

    def stand_by(self, core: BrokerCore) -> None:
        """Refuse them from the start."""
        core.delayed.is_on = False
