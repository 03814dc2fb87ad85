"""Listeners in the words of the third generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v3.dialect import success
from app.broker.records import ListenerRecord
from app.services import Services


def listener_row(listener: ListenerRecord) -> dict[str, object]:
    """Return one listener as the API shows it (seed 002, GET /api/v3/listeners); no port stands in its name."""
    return {
        "protocol": ":".join(listener.protocol.split(":")[:2]),
        "listen_on": listener.listen_on,
        "acceptors": listener.acceptors,
        "max_conns": listener.max_conns,
        "current_conns": listener.current_conns,
        # Erlang cannot tell an empty object from an empty list, and writes the list.
        "shutdown_count": dict(listener.shutdown_count) or [],
    }


def list_listeners(services: Services, _call: Call) -> Answer:
    """Show the listeners of every node."""
    return success(
        [
            {"node": node, "listeners": [listener_row(one) for one in all_]}
            for node, all_ in services.listeners.list()
        ]
    )


def list_node_listeners(services: Services, _call: Call, node: str) -> Answer:
    """Show the listeners of one node."""
    return success([listener_row(one) for one in services.listeners.get(node)])


ENDPOINTS = (
    Endpoint(
        "v3:GET /listeners",
        "list_listeners",
        "GET",
        "/listeners/",
        list_listeners,
        "A list of listeners in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/listeners",
        "list_node_listeners",
        "GET",
        "/nodes/:node/listeners",
        list_node_listeners,
        "A list of listeners on the node",
    ),
)
