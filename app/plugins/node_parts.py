"""Parts of every node that EMQX's lists show as plugins, so that what is on and off can be seen and changed there."""

from __future__ import annotations

from app.broker.core import BrokerCore
from app.config.extensions import RELOADER_INTERVAL
from app.plugins.base import Context, Plugin


class Management(Plugin):
    """The management API itself."""

    name = "emqx_management"
    description = "EMQX Management API and CLI"
    loaded_by_default = True
    essential = "emqx_management answers this very call and cannot be unloaded"

    def load(self, context: Context) -> None:
        """Do nothing more: whoever asks finds it running."""


class Prometheus(Plugin):
    """The metrics for Prometheus: the calls that show them exist while it is loaded."""

    name = "emqx_prometheus"
    description = "Prometheus for EMQX"
    loaded_by_default = True

    def load(self, context: Context) -> None:
        """Do nothing more: the calls look whether it is loaded."""


class Telemetry(Plugin):
    """The calls that answer what EMQX would report of itself; nothing is ever sent anywhere."""

    name = "emqx_telemetry"
    description = "EMQX Telemetry, which sends nothing"
    loaded_by_default = True

    def load(self, context: Context) -> None:
        """Do nothing more: the calls look whether it is loaded."""


class Reloader(Plugin):
    """Has access rules read again where their file was changed: housekeeping looks now and then while it is loaded."""

    name = "emqx_reloader"
    description = "EMQX Reloader Plugin"
    parameters = (RELOADER_INTERVAL,)

    def __init__(self) -> None:
        """Wait to be loaded."""
        self.interval_s = 0.0

    def load(self, context: Context) -> None:
        """Note how often it is wanted; housekeeping looks whether it is loaded."""
        self.interval_s = context.config[RELOADER_INTERVAL.key]


class Retainer(Plugin):
    """Retained messages: kept, and given to new subscriptions."""

    name = "emqx_retainer"
    description = "EMQX Retainer"
    loaded_by_default = True

    def __init__(self) -> None:
        """Wait for a broker."""
        self._core: BrokerCore | None = None

    def load(self, context: Context) -> None:
        """Keep and give."""
        self._core = context.core
        self._core.retained.is_on = True

    def unload(self) -> None:
        """Keep nothing more and give nothing; what is kept stays for the next time."""
        if self._core is not None:
            self._core.retained.is_on = False

    def stand_by(self, core: BrokerCore) -> None:
        """Keep nothing from the start."""
        core.retained.is_on = False
