"""Alarms in the words of the fourth generation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from app.api.endpoint import Answer, Call, Endpoint, Handler
from app.api.v4.dialect import OK, success
from app.broker.alarms import AlarmRecord
from app.services import Services
from app.services.alarms import Which


def alarm_rows(alarms: Sequence[AlarmRecord]) -> list[dict[str, object]]:
    """Return alarms as the API shows them; one that is active lasts until now (seed 004, GET /api/v4/alarms)."""
    now_us = time.time_ns() // 1_000
    return [
        {**alarm.row(), "duration": (alarm.deactivate_at_us or now_us) - alarm.activate_at_us}
        for alarm in alarms
    ]


def _list_all(which: Which) -> Handler:
    def list_alarms(services: Services, _call: Call) -> Answer:
        return success(
            [
                {"node": node, "alarms": alarm_rows(alarms)}
                for node, alarms in services.alarms.list(which)
            ]
        )

    return list_alarms


def _list_of_node(which: Which) -> Handler:
    def list_node_alarms(services: Services, _call: Call, node: str) -> Answer:
        return success(alarm_rows(services.alarms.get(node, which)))

    return list_node_alarms


def deactivate_alarm(services: Services, call: Call) -> Answer:
    """End an alarm."""
    services.alarms.deactivate(dict(call.params))
    return OK


def delete_all_deactivated_alarms(services: Services, _call: Call) -> Answer:
    """Forget the past alarms of every node."""
    services.alarms.delete_deactivated()
    return OK


def delete_node_deactivated_alarms(services: Services, _call: Call, node: str) -> Answer:
    """Forget the past alarms of one node."""
    services.alarms.delete_deactivated(node)
    return OK


_LISTS = (
    (Which.ALL, "", "", "alarms", ""),
    (Which.ACTIVATED, "activated_", "/activated", "activated alarm", "/alarms/present"),
    (Which.DEACTIVATED, "deactivated_", "/deactivated", "deactivated alarm", "/alarms/history"),
)
"""The last ones are the paths of 3.2 to 4.1, which older documents of 4 still show."""


def _lists() -> Iterator[Endpoint]:
    for which, infix, tail, what, older in _LISTS:
        yield Endpoint(
            f"v4:GET /alarms{tail}",
            f"list_all_{infix}alarms",
            "GET",
            f"/alarms{tail}",
            _list_all(which),
            f"List all {what} in the cluster",
            spellings=(older,) if older else (),
        )
        yield Endpoint(
            f"v4:GET /nodes/{{node}}/alarms{tail}",
            f"list_node_{infix}alarms",
            "GET",
            f"nodes/:node/alarms{tail}",
            _list_of_node(which),
            f"List all {what} on a node",
            spellings=(f"{older}/:node",) if older else (),
        )


ENDPOINTS = (
    *_lists(),
    Endpoint(
        "v4:POST /alarms/deactivated",
        "deactivate_alarm",
        "POST",
        "/alarms/deactivated",
        deactivate_alarm,
        "Delete the special alarm on a node",
    ),
    Endpoint(
        "v4:DELETE /alarms/deactivated",
        "delete_all_deactivated_alarms",
        "DELETE",
        "/alarms/deactivated",
        delete_all_deactivated_alarms,
        "Delete all deactivated alarm in the cluster",
    ),
    Endpoint(
        "v4:DELETE /nodes/{node}/alarms/deactivated",
        "delete_node_deactivated_alarms",
        "DELETE",
        "nodes/:node/alarms/deactivated",
        delete_node_deactivated_alarms,
        "Delete all deactivated alarm on a node",
    ),
)
