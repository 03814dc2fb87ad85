"""What the services of topic metrics, slow subscriptions and traces share: the way to an engine on the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from app.errors import ResultCode, ServiceError

T = TypeVar("T")


class Door(Protocol):
    """What these rooms need of the node."""

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a plain function on the loop."""


class Engine(Protocol):
    """Something on the loop that a module switches on and off."""

    @property
    def is_running(self) -> bool:
        """Tell whether its module is loaded."""


def require(engine: Engine) -> None:
    """Refuse while the module is not loaded, in EMQX's words (4.4, `emqx_mod_topic_metrics_api`)."""
    if not engine.is_running:
        raise ServiceError(ResultCode.PLUGIN_NOT_LOADED, "module_not_loaded", bare=True)
