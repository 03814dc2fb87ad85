"""The resources of one rule engine at work: made, renewed, closed, and tried out.

It knows neither rules nor actions. To be used on the loop, but for what says otherwise.

Source: EMQX 4.4 `emqx_rule_engine`, `emqx_rule_monitor`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from app.broker.core import BrokerCore
from app.rules.errors import BadArguments, ResourceDown
from app.rules.registry import RESOURCE_TYPES, Registry
from app.rules.resources.base import Resource, ResourceSpec

logger = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 8.0


class RunningResources:
    """All resources of one engine."""

    def __init__(self, registry: Registry) -> None:
        """Stand still; `start` begins.

        Args:
            registry: The kinds of resources.
        """
        self._registry = registry
        self._core: BrokerCore | None = None
        self._specs: dict[str, ResourceSpec] = {}
        """All that there are; those whose plugin is not loaded are not at work."""
        self._at_work: dict[str, Resource] = {}
        self._probes: set[asyncio.Task[None]] = set()
        self._folder = Path()

    def start(self, core: BrokerCore, folder: Path, specs: Iterable[ResourceSpec]) -> None:
        """Begin with what is stored. A resource that cannot work is logged and stays down.

        Args:
            core: The broker's parts.
            folder: Where files of resources are.
            specs: What is stored.
        """
        self._core = core
        self._folder = folder
        core.gauges["resources"] = lambda: len(self._at_work)
        for spec in specs:
            self._specs[spec.id] = spec
            self._renew(spec)

    def stop(self) -> None:
        """End with all of them. Doing it twice is no error."""
        if self._core is not None:
            self._core.gauges.pop("resources", None)
        for resource in self._at_work.values():
            resource.close()
        self._at_work, self._specs = {}, {}
        self._core = None

    def put(self, spec: ResourceSpec) -> None:
        """Begin with a resource, or begin anew with one that is there.

        Raises:
            BadArguments: Its configuration cannot work; one that is there goes on as it was.
        """
        made = self._made(spec)
        self._close(spec.id)
        self._specs[spec.id] = spec
        if made is not None:
            self._at_work[spec.id] = made
            made.start()

    def remove(self, resource_id: str) -> None:
        """End with a resource; one that is not there is no error."""
        self._specs.pop(resource_id, None)
        self._close(resource_id)

    def get(self, resource_id: str) -> Resource | None:
        """Return a resource that is at work."""
        return self._at_work.get(resource_id)

    def spec_of(self, resource_id: str) -> ResourceSpec | None:
        """Return what is stored of a resource, at work or not."""
        return self._specs.get(resource_id)

    def is_alive(self, resource_id: str) -> bool:
        """Tell whether a resource's target was there when last looked for; any thread may ask."""
        resource = self._at_work.get(resource_id)
        return resource is not None and resource.is_alive

    def providers_changed(self) -> None:
        """Begin with what has become possible, and end with what is possible no more."""
        for spec in list(self._specs.values()):
            there = self._registry.resource_type(spec.type) is not None
            if there != (spec.id in self._at_work):
                self._renew(spec)

    def make_ready(self, provider: str) -> None:
        """Get what the resources of a plugin need before it is loaded; to be called outside the loop."""
        there = {spec.type for spec in list(self._specs.values())}
        for kind in RESOURCE_TYPES:
            if kind.provider == provider and kind.name in there:
                kind.make_ready()

    def begin_probe(self, spec: ResourceSpec) -> concurrent.futures.Future[None]:
        """Begin to try a configuration out.

        Returns:
            What to wait for outside the loop; it raises `ResourceDown` or `BadArguments`.
        """
        answer: concurrent.futures.Future[None] = concurrent.futures.Future()
        core = self._running_core()
        kind = self._registry.resource_type(spec.type)

        async def probe() -> None:
            try:
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    if kind is not None:
                        await kind.probe(self._placed(spec), core)
            except TimeoutError:
                answer.set_exception(ResourceDown(f"no answer within {PROBE_TIMEOUT_S:g} s"))
            except Exception as error:  # noqa: BLE001 - it is raised where somebody waits
                answer.set_exception(error)
            else:
                answer.set_result(None)

        task = asyncio.get_running_loop().create_task(probe())
        self._probes.add(task)
        task.add_done_callback(self._probes.discard)
        return answer

    # -- the insides -----------------------------------------------------------------------------

    def _renew(self, spec: ResourceSpec) -> None:
        try:
            self.put(spec)
        except BadArguments as error:
            logger.warning("The resource %s cannot work: %s", spec.id, error)

    def _made(self, spec: ResourceSpec) -> Resource | None:
        kind = self._registry.resource_type(spec.type)
        if kind is None:
            return None
        placed = self._placed(replace(spec, config=kind.checked(spec.config)))
        return kind.make(placed, self._running_core())

    def _placed(self, spec: ResourceSpec) -> ResourceSpec:
        return replace(spec, folder=self._folder)

    def _close(self, resource_id: str) -> None:
        resource = self._at_work.pop(resource_id, None)
        if resource is not None:
            resource.close()

    def _running_core(self) -> BrokerCore:
        if self._core is None:
            raise BadArguments("{plugin_not_loaded,emqx_rule_engine}")
        return self._core
