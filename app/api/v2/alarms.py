"""Alarms in the words of the second generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import local_time
from app.api.v2.dialect import success
from app.broker.alarms import AlarmRecord
from app.services import Services
from app.services.alarms import Which

SEVERITY = "warning"
"""Ours have no degrees: each is said in the log as a warning."""


def alarm_row(alarm: AlarmRecord) -> dict[str, object]:
    """Return one alarm as the API shows it (EMQ 2.3.11, GET /api/v2/nodes/{node}/alarms)."""
    return {
        "id": alarm.name,
        "severity": SEVERITY,
        "title": alarm.name,
        "summary": alarm.message,
        "occurred_at": local_time(alarm.activate_at_us // 1_000),
    }


def list_node_alarms(services: Services, _call: Call, node_name: str) -> Answer:
    """Show what is wrong with a node now."""
    return success([alarm_row(one) for one in services.alarms.get(node_name, Which.ACTIVATED)])


ENDPOINTS = (
    Endpoint(
        "v2:GET /nodes/{node_name}/alarms",
        "list_node_alarms",
        "GET",
        "nodes/:node_name/alarms",
        list_node_alarms,
        "A list of alarms of a node",
    ),
)
