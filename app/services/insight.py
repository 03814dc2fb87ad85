"""What an operator looks at when he wonders what a node does, as one part of the services."""

from __future__ import annotations

from dataclasses import dataclass

from app.broker.retained import RetainedStore
from app.config import Settings
from app.node.proxy import Nodes
from app.services.audit import AuditService
from app.services.certificates import CertificatesService
from app.services.configs import ConfigsService
from app.services.diagnostics import DiagnosticsService
from app.services.machine import MachineService
from app.services.observation import Door
from app.services.plugins import PluginsService
from app.services.recent_log import RecentLog
from app.services.retained_tree import RetainedTreeService


@dataclass(frozen=True, slots=True)
class Asked:
    """The services that others of this room ask."""

    audit: AuditService
    machine: MachineService
    plugins: PluginsService
    configs: ConfigsService


@dataclass(frozen=True, slots=True)
class Insight:
    """Looking into one running node."""

    log: RecentLog
    certificates: CertificatesService
    retained: RetainedTreeService
    diagnostics: DiagnosticsService

    @classmethod
    def over(
        cls, nodes: Nodes, door: Door, store: RetainedStore, settings: Settings, asked: Asked
    ) -> Insight:
        """Make them.

        Args:
            nodes: The cluster, of which this node is one.
            door: The way to this node's loop.
            store: Its retained messages; touched on the loop only.
            settings: Where it listens.
            asked: Services that know more.
        """
        log = RecentLog()
        return cls(
            log,
            CertificatesService(settings.broker.listeners),
            RetainedTreeService(store, door, asked.audit),
            DiagnosticsService(nodes, door, asked.machine, asked.plugins, asked.configs, log),
        )
