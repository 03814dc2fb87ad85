"""Listeners in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.broker.records import ListenerRecord
from app.services import Services


def listener_row(listener: ListenerRecord) -> dict[str, object]:
    """Return one listener as the API shows it (seed 004, GET /api/v4/listeners; `identifier` from 4.3)."""
    row: dict[str, object] = {
        "protocol": listener.protocol,
        "listen_on": listener.listen_on,
        "acceptors": listener.acceptors,
        "max_conns": listener.max_conns,
        "current_conns": listener.current_conns,
        # Erlang cannot tell an empty object from an empty list, and writes the list.
        "shutdown_count": dict(listener.shutdown_count) or [],
    }
    if listener.identifier is not None:
        row["identifier"] = listener.identifier
    return row


def list_listeners(services: Services, _call: Call) -> Answer:
    """Show the listeners of every node."""
    everywhere = services.listeners.list()
    return success(
        [
            {"node": node, "listeners": [listener_row(one) for one in all_]}
            for node, all_ in everywhere
        ]
    )


def list_node_listeners(services: Services, _call: Call, node: str) -> Answer:
    """Show the listeners of one node."""
    return success([listener_row(one) for one in services.listeners.get(node)])


def stop_listener(services: Services, _call: Call, identifier: str) -> Answer:
    """Stop a listener on every node: an addition."""
    if identifier.startswith("http"):
        return Answer(b'"http_listener_stop_unsupported"', 403)
    services.listeners.stop(identifier)
    return OK


def start_listener(services: Services, _call: Call, identifier: str) -> Answer:
    """Start a listener that was stopped, on every node: an addition."""
    services.listeners.start(identifier)
    return OK


def restart_listener(services: Services, _call: Call, identifier: str) -> Answer:
    """Restart a listener on every node."""
    return _restarted(services, identifier, None)


def restart_node_listener(services: Services, _call: Call, node: str, identifier: str) -> Answer:
    """Restart a listener on one node."""
    return _restarted(services, identifier, node)


def _restarted(services: Services, identifier: str, node: str | None) -> Answer:
    if identifier.startswith("http"):
        # As EMQX refuses it: the call would cut off its own answer.
        return Answer(b'"http_listener_restart_unsupported"', 403)
    services.listeners.restart(identifier, node)
    return OK if node is None else success("Listener restarted.")


ENDPOINTS = (
    Endpoint(
        "v4:GET /listeners",
        "list_listeners",
        "GET",
        "/listeners/",
        list_listeners,
        "A list of listeners in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/listeners",
        "list_node_listeners",
        "GET",
        "/nodes/:node/listeners",
        list_node_listeners,
        "A list of listeners on the node",
    ),
    Endpoint(
        "v4:PUT /listeners/{identifier}/restart",
        "restart_listener",
        "PUT",
        "/listeners/:identifier/restart",
        restart_listener,
        "Restart a listener in the cluster",
    ),
    Endpoint(
        "v4:PUT /listeners/{identifier}/stop",
        "stop_listener",
        "PUT",
        "/listeners/:identifier/stop",
        stop_listener,
        "Stop a listener in the cluster",
    ),
    Endpoint(
        "v4:PUT /listeners/{identifier}/start",
        "start_listener",
        "PUT",
        "/listeners/:identifier/start",
        start_listener,
        "Start a listener in the cluster",
    ),
    Endpoint(
        "v4:PUT /nodes/{node}/listeners/{identifier}/restart",
        "restart_node_listener",
        "PUT",
        "/nodes/:node/listeners/:identifier/restart",
        restart_node_listener,
        "Restart a listener on a node",
    ),
)
