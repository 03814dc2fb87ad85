"""Topic metrics, slow subscriptions, traces and telemetry as one part of the services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.clock import Clock
from app.models import Database
from app.node.proxy import Nodes
from app.plugins.base import MODULE, PLUGIN
from app.plugins.slow_subs import SlowSubsModule
from app.plugins.topic_metrics import TopicMetricsModule
from app.plugins.trace import TraceModule
from app.services.extensions import Extensions
from app.services.observation import Door
from app.services.slow_subscriptions import SlowSubscriptionsService
from app.services.telemetry import TelemetryService
from app.services.topic_metrics import TopicMetricsService
from app.services.traces import TracesService

TRACE_FOLDER = "trace"


@dataclass(frozen=True, slots=True)
class Observers:
    """What looks at the broker's work more closely, while somebody wants it."""

    topic_metrics: TopicMetricsService
    slow_subscriptions: SlowSubscriptionsService
    traces: TracesService
    telemetry: TelemetryService

    @classmethod
    def over(
        cls,
        nodes: Nodes,
        door: Door,
        database: Database,
        clock: Clock,
        instance_dir: Path,
        states: Extensions,
    ) -> Observers:
        """Make them, and put the modules that switch them on and off where modules are.

        Args:
            nodes: The cluster.
            door: The way to this node's loop.
            database: Where registrations are.
            clock: Wall time.
            instance_dir: Where the folder of traces is.
            states: Which plugins and modules there are, and which of them run.
        """
        name = nodes.local.name
        made = cls(
            TopicMetricsService(database, door, clock),
            SlowSubscriptionsService(door, name),
            TracesService(database, door, clock, instance_dir / TRACE_FOLDER, name),
            TelemetryService(database, nodes, lambda: _running(states)),
        )
        for module in (
            TopicMetricsModule(made.topic_metrics.engine, made.topic_metrics.stored),
            SlowSubsModule(made.slow_subscriptions.engine),
            TraceModule(made.traces.engine, made.traces.stored),
        ):
            states.registry.add(module)
        return made


def _running(states: Extensions) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names of the plugins and of the modules that run."""
    plugins, modules = (
        [one.name for one in states.registry.of_kind(kind) if states.is_loaded(one)]
        for kind in (PLUGIN, MODULE)
    )
    return plugins, modules
