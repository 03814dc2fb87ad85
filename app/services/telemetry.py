"""What EMQX's telemetry would report. Nothing is ever sent anywhere: the calls answer, and that is all."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from app.errors import ResultCode, ServiceError
from app.models import Database, InstallationFact
from app.node.proxy import Nodes
from app.services import audit

ENABLED = "telemetry_enabled"
UUID = "telemetry_uuid"


@dataclass(frozen=True, slots=True)
class TelemetryData:
    """What there would be to report of this node."""

    uuid: str
    version: str
    runtime: str
    os_name: str
    os_version: str
    up_time_ms: int
    num_clients: int
    """Most connections at a time since the start."""
    messages_received: int
    messages_sent: int
    active_plugins: Sequence[str]
    active_modules: Sequence[str]


class TelemetryService:
    """Answers what EMQX's telemetry answers; keeps the switch, which switches nothing."""

    def __init__(
        self,
        database: Database,
        nodes: Nodes,
        active: Callable[[], tuple[Sequence[str], Sequence[str]]],
    ) -> None:
        """Take where the switch is kept, the nodes, and who knows the running plugins and modules."""
        self._database = database
        self._nodes = nodes
        self._active = active

    def is_enabled(self) -> bool:
        """Tell how the switch stands; off until somebody switches it on."""
        return self._fact(ENABLED) == "true"

    def set_enabled(self, params: Mapping[str, object]) -> None:
        """Set the switch.

        Args:
            params: `enabled`.

        Raises:
            ServiceError: It is missing, or neither true nor false.
        """
        enabled = params.get("enabled")
        if enabled is None:
            raise ServiceError(ResultCode.MISSING_PARAMETER, "missing_required_params", bare=True)
        if not isinstance(enabled, bool):
            raise ServiceError(ResultCode.BAD_PARAMETER, "value of 'enabled' must be true or false")
        before = self.is_enabled()
        with self._database.session() as session:
            session.merge(InstallationFact(name=ENABLED, value="true" if enabled else "false"))
            audit.record(session, "telemetry.update", "", before=before, after=enabled)

    def data(self) -> TelemetryData:
        """Return what there would be to report."""
        node = self._nodes.local
        info, metrics, stats = node.broker_info(), node.metrics(), node.stats()
        plugins, modules = self._active()
        return TelemetryData(
            uuid=self._uuid(),
            version=info.version,
            runtime=info.otp_release,
            os_name=platform.system(),
            os_version=platform.release(),
            up_time_ms=info.uptime_s * 1_000,
            num_clients=stats["connections.max"],
            messages_received=metrics["messages.received"],
            messages_sent=metrics["messages.sent"],
            active_plugins=plugins,
            active_modules=modules,
        )

    def _uuid(self) -> str:
        """Return the name of this installation, made when first asked for."""
        known = self._fact(UUID)
        if known is not None:
            return known
        made = str(uuid.uuid4()).upper()
        try:
            with self._database.session() as session:
                session.add(InstallationFact(name=UUID, value=made))
        except IntegrityError:
            # Somebody else asked at the same moment, and was first.
            return self._fact(UUID) or made
        return made

    def _fact(self, name: str) -> str | None:
        with self._database.reading() as session:
            fact = session.get(InstallationFact, name)
            return None if fact is None else fact.value
