"""Room for MQTT: the HTTP listeners give way where an imported broker listens on their ports."""

from __future__ import annotations

from app.config import DashboardSettings, ManagementSettings
from app.config.kinds import address_list
from app.config.listeners import LISTENER_PROTOCOLS
from app.importers.plan import ImportPlan

_WITH_PORTS = tuple(f"listener.{protocol}." for protocol in LISTENER_PROTOCOLS)
_HTTP_KEYS = {
    ManagementSettings: "management.listener.http",
    DashboardSettings: "dashboard.listener.http",
}


def make_room(plan: ImportPlan, source: str) -> None:
    """Move the HTTP listeners off the ports that MQTT has: 8080 is WebSocket's in amqtt's example."""
    taken = [
        address
        for key, value in plan.settings.items()
        if key.startswith(_WITH_PORTS) and key.count(".") == 2
        for address in address_list(value)
    ]
    for section in (ManagementSettings(), DashboardSettings()):
        free = [at for at in section.listeners if not any(at.overlaps(other) for other in taken)]
        if len(free) < len(section.listeners):
            plan.take(source, _HTTP_KEYS[type(section)], ",".join(map(str, free)) or "off")
