"""What an operator at the machine does, as one part of the services: `godwit ctl` asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from app.broker.delayed import Delayed
from app.broker.retained import RetainedStore
from app.local_login import LocalLogin
from app.models import Database
from app.node.proxy import Nodes
from app.node.retained_pages import RetainedPages
from app.services.audit import AuditService
from app.services.delayed import DelayedService
from app.services.health import HealthService
from app.services.log_levels import LogLevelsService
from app.services.machine import MachineService
from app.services.observation import Door
from app.services.retainer import RetainerService


class Stores(NamedTuple):
    """Messages that a node keeps; touched on its loop only, but for the pages."""

    retained: RetainedStore
    delayed: Delayed
    retained_pages: RetainedPages


@dataclass(frozen=True, slots=True)
class Operation:
    """Looking after one running node."""

    local_login: LocalLogin
    retainer: RetainerService
    log_levels: LogLevelsService
    machine: MachineService
    delayed: DelayedService
    health: HealthService

    @classmethod
    def over(
        cls,
        nodes: Nodes,
        door: Door,
        stores: Stores,
        database: Database,
        audit_log: AuditService,
        local_login: LocalLogin,
    ) -> Operation:
        """Make them.

        Args:
            nodes: The cluster, of which this node is one.
            door: The way to this node's loop.
            stores: Its retained and delayed messages.
            database: What is looked at.
            audit_log: Where changes are written down.
            local_login: Who is let in without a login of the API.
        """
        return cls(
            local_login,
            RetainerService(stores.retained, stores.retained_pages, door, audit_log),
            LogLevelsService(audit_log),
            MachineService(nodes, database),
            DelayedService(stores.delayed, door, audit_log),
            HealthService(nodes, database),
        )
