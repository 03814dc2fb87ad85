"""Listeners in the words of the second generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v2.dialect import success
from app.broker.records import ListenerRecord
from app.services import Services

HTTP_NAMES = {"http:management": "mqtt:api", "http:dashboard": "dashboard:http"}


def listener_row(listener: ListenerRecord) -> dict[str, object]:
    """Return one listener as the API shows it (seed 003, GET /api/v2/monitoring/listeners)."""
    protocol = ":".join(listener.protocol.split(":")[:2])
    return {
        "protocol": HTTP_NAMES.get(protocol, protocol),
        "listen": listener.listen_on,
        "acceptors": listener.acceptors,
        "max_clients": listener.max_conns,
        "current_clients": listener.current_conns,
        # Erlang cannot tell an empty object from an empty list, and writes the list.
        "shutdown_count": dict(listener.shutdown_count) or [],
    }


def list_listeners(services: Services, _call: Call) -> Answer:
    """Show the listeners of every node, by the node's name."""
    return success(
        {node: [listener_row(one) for one in all_] for node, all_ in services.listeners.list()}
    )


def list_node_listeners(services: Services, _call: Call, node_name: str) -> Answer:
    """Show the listeners of one node."""
    return success([listener_row(one) for one in services.listeners.get(node_name)])


ENDPOINTS = (
    Endpoint(
        "v2:GET /monitoring/listeners",
        "list_listeners",
        "GET",
        "monitoring/listeners",
        list_listeners,
        "A list of listeners in the cluster",
    ),
    Endpoint(
        "v2:GET /monitoring/listeners/{node_name}",
        "list_node_listeners",
        "GET",
        "monitoring/listeners/:node_name",
        list_node_listeners,
        "A list of listeners on a node",
    ),
)
