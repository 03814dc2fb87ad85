"""Alarms in the words of the third generation: EMQ X 3.0's calls, and 3.2's, which tell present from past."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.api.endpoint import Answer, Call, Endpoint, Handler
from app.api.formats import local_time
from app.api.v3.dialect import success
from app.broker.alarms import AlarmRecord
from app.services import Services
from app.services.alarms import Which

SEVERITY = "warning"
"""Ours have no degrees: each is said in the log as a warning."""

Row = Callable[[AlarmRecord], dict[str, object]]


def alarm_row(alarm: AlarmRecord) -> dict[str, object]:
    """Return one alarm as EMQ X 3.0 shows it (GET /api/v3/alarms)."""
    return {"id": alarm.name, **_description(alarm)}


def present_row(alarm: AlarmRecord) -> dict[str, object]:
    """Return one alarm as EMQ X 3.2 shows it (GET /api/v3/alarms/present)."""
    row: dict[str, object] = {"id": alarm.name, "desc": _description(alarm)}
    if alarm.deactivate_at_us is not None:
        row["clear_at"] = local_time(alarm.deactivate_at_us // 1_000)
    return row


def _description(alarm: AlarmRecord) -> dict[str, object]:
    return {
        "severity": SEVERITY,
        "title": alarm.name,
        "summary": alarm.message,
        "timestamp": local_time(alarm.activate_at_us // 1_000),
    }


def _list_all(which: Which, row: Row) -> Handler:
    def list_alarms(services: Services, _call: Call) -> Answer:
        return success(
            [
                {"node": node, "alarms": [row(alarm) for alarm in alarms]}
                for node, alarms in services.alarms.list(which)
            ]
        )

    return list_alarms


def _list_of_node(which: Which, row: Row) -> Handler:
    def list_node_alarms(services: Services, _call: Call, node: str) -> Answer:
        return success([row(alarm) for alarm in services.alarms.get(node, which)])

    return list_node_alarms


_LISTS = (
    (Which.ACTIVATED, alarm_row, "", "alarms"),
    (Which.ACTIVATED, present_row, "present", "present alarms"),
    (Which.DEACTIVATED, present_row, "history", "history alarms"),
)


def _endpoints() -> Iterator[Endpoint]:
    for which, row, word, what in _LISTS:
        tail, infix = (f"/{word}", f"{word}_") if word else ("", "")
        yield Endpoint(
            f"v3:GET /alarms{tail}/{{node}}",
            f"list_node_{infix}alarms",
            "GET",
            f"/alarms{tail}/:node",
            _list_of_node(which, row),
            f"List {what} of a node",
        )
        yield Endpoint(
            f"v3:GET /alarms{tail}",
            f"list_all_{infix}alarms",
            "GET",
            f"/alarms{tail}/",
            _list_all(which, row),
            f"List all {what}",
        )


ENDPOINTS = tuple(_endpoints())
