"""What an operator at the machine does, as one part of the services: `godwit ctl` asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from app.broker.retained import RetainedStore
from app.local_login import LocalLogin
from app.models import Database
from app.node.proxy import Nodes
from app.services.audit import AuditService
from app.services.log_levels import LogLevelsService
from app.services.machine import MachineService
from app.services.observation import Door
from app.services.retainer import RetainerService


@dataclass(frozen=True, slots=True)
class Operation:
    """Looking after one running node."""

    local_login: LocalLogin
    retainer: RetainerService
    log_levels: LogLevelsService
    machine: MachineService

    @classmethod
    def over(
        cls,
        nodes: Nodes,
        door: Door,
        retained: RetainedStore,
        database: Database,
        audit_log: AuditService,
        local_login: LocalLogin,
    ) -> Operation:
        """Make them.

        Args:
            nodes: The cluster, of which this node is one.
            door: The way to this node's loop.
            retained: Its retained messages.
            database: What is looked at.
            audit_log: Where changes are written down.
            local_login: Who is let in without a login of the API.
        """
        return cls(
            local_login,
            RetainerService(retained, door, audit_log),
            LogLevelsService(audit_log),
            MachineService(nodes, database),
        )
