"""What a resource is: what it is called and takes, how it is kept connected, and how others see whether it lives.

A resource that is down stays down by itself: it is looked after in the background, with growing pauses, and says so by
an alarm; nothing that uses it is switched off.

Source: EMQX 4.4, `emqx_rule_engine`, `emqx_rule_monitor`; seed 004, GET /api/v4/resource_types.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.broker.core import BrokerCore
from app.rules.errors import ResourceDown
from app.rules.params import Param, Words, checked, rows

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 15.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class ResourceSpec:
    """One resource, as it is stored."""

    id: str
    type: str
    config: Mapping[str, Any] = field(repr=False)
    folder: Path = field(default=Path(), repr=False, compare=False)
    """Where files of resources are on this node; filled in when one is made or tried."""


class Resource(ABC):
    """A resource at work. All methods but `is_alive` must be called on the loop."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Be ready; `start` begins."""
        self.spec = spec
        self.core = core
        self.is_alive = False
        """Whether its target was there when it was last looked for; any thread may ask."""
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def start(self) -> None:
        """Begin to keep in touch with the target; returns at once."""

    def close(self) -> None:
        """Let go of the target. An alarm about it ends."""
        self._is_closed = True
        for task in list(self._tasks):
            task.cancel()
        self.is_alive = False
        self.core.alarms.deactivate(self._alarm)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine until it ends or the resource is closed."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def note(self, *, is_alive: bool) -> None:
        """Take what was found out about the target."""
        if self._is_closed:
            return
        self.is_alive = is_alive
        if is_alive:
            self.core.alarms.deactivate(self._alarm)
        else:
            details = {"id": self.spec.id, "type": self.spec.type}
            message = f"Resource {self.spec.type}({self.spec.id}) is down"
            self.core.alarms.activate(self._alarm, message, details)

    @property
    def _alarm(self) -> str:
        return f"resource/{self.spec.type}/{self.spec.id}/down"

    async def keep_checked(self, check: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Look for the target for ever: often while it is there, ever more seldom while it is not.

        Args:
            check: Returns where it is there, and raises `ResourceDown` where it is not.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await check()
            except ResourceDown as error:
                logger.debug("The resource %s is down: %s", self.spec.id, error)
                self.note(is_alive=False)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self.note(is_alive=True)
                pause_s = FIRST_PAUSE_S
                await asyncio.sleep(CHECK_EVERY_S)


def _ready() -> None:
    """Need nothing."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource."""

    name: str
    provider: str
    """The plugin that brings it."""
    title: Words
    description: Words
    params: tuple[Param, ...]
    make: Callable[[ResourceSpec, BrokerCore], Resource]
    """Raises `BadArguments` where the configuration cannot work: a certificate that is none."""
    probe: Callable[[ResourceSpec, BrokerCore], Coroutine[Any, Any, None]]
    """Connects once and lets go again; raises `ResourceDown`."""
    make_ready: Callable[[], None] = _ready
    """Gets what takes its time, such as a library; called outside the loop before one is made or probed."""

    def row(self) -> dict[str, object]:
        """Return what the API shows."""
        return {
            "name": self.name,
            "provider": self.provider,
            "title": self.title.row(),
            "description": self.description.row(),
            "params": rows(self.params),
        }

    def checked(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration with its defaults.

        Raises:
            BadArguments: It is not what it must be.
        """
        return checked(self.params, config)
