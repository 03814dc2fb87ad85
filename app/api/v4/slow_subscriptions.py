"""Slow subscriptions in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.services import Services


def list_slow_subscriptions(services: Services, _call: Call) -> Answer:
    """Show the slowest subscriptions (EMQX 4.4, GET /api/v4/slow_subscriptions)."""
    slow = services.observers.slow_subscriptions
    return success(
        [
            {
                "clientid": one.clientid,
                "node": slow.node_name,
                "topic": one.topic,
                "timespan": one.timespan_ms,
                "last_update_time": one.last_update_ms,
            }
            for one in slow.list()
        ]
    )


def clear_slow_subscriptions(services: Services, _call: Call) -> Answer:
    """Forget the ranking."""
    services.observers.slow_subscriptions.clear()
    return OK


ENDPOINTS = (
    Endpoint(
        "v4:GET /slow_subscriptions",
        "get_history",
        "GET",
        "/slow_subscriptions",
        list_slow_subscriptions,
        "Get slow topics statistics record data",
    ),
    Endpoint(
        "v4:DELETE /slow_subscriptions",
        "clear_history",
        "DELETE",
        "/slow_subscriptions",
        clear_slow_subscriptions,
        "Clear current data and re count slow topic",
    ),
)
