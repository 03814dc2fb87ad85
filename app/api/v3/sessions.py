"""Sessions in the words of the third generation: with a connection, or waiting for one."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED, local_time
from app.api.v3.dialect import OK, page, rows
from app.broker.records import ClientRecord
from app.services import Services

BINDING = "local"
"""A session and its connection are on the same node, always."""


def session_row(client: ClientRecord) -> dict[str, object]:
    """Return one session as the API shows it; runs on the loop (seed 002, GET /api/v3/sessions)."""
    return {
        "node": client.node,
        "client_id": client.clientid,
        "username": UNDEFINED if client.username is None else client.username,
        "binding": BINDING,
        "clean_start": client.clean_start,
        "expiry_interval": client.expiry_interval_s,
        "created_at": local_time(client.created_at_ms),
        "subscriptions_count": client.subscriptions_cnt,
        "max_subscriptions": client.max_subscriptions,
        "inflight_len": client.inflight,
        "max_inflight": client.max_inflight,
        "mqueue_len": client.mqueue_len,
        "max_mqueue": client.max_mqueue,
        "mqueue_dropped": client.mqueue_dropped,
        "awaiting_rel_len": client.awaiting_rel,
        "max_awaiting_rel": client.max_awaiting_rel,
        "deliver_msg": client.send_msg,
        "enqueue_msg": client.enqueue_msg,
        "heap_size": client.heap_size,
        "mailbox_len": client.mailbox_len,
        "reductions": client.reductions,
    }


def list_sessions(services: Services, call: Call) -> Answer:
    """List the sessions of the cluster."""
    asked = call.page()
    return page(services.clients.list({}, asked, session_row), asked)


def list_node_sessions(services: Services, call: Call, node: str) -> Answer:
    """List the sessions of one node."""
    asked = call.page()
    return page(services.clients.list_on(node, {}, asked, session_row), asked)


def lookup_session(services: Services, _call: Call, clientid: str) -> Answer:
    """Look a session up by its client's id."""
    return rows(services.clients.lookup(clientid, session_row))


def lookup_node_session(services: Services, _call: Call, node: str, clientid: str) -> Answer:
    """Look a session up by its client's id on one node."""
    return rows(services.clients.lookup_on(node, clientid, session_row))


def clean_session(services: Services, _call: Call, clientid: str) -> Answer:
    """End a session whose client is away."""
    services.clients.end_offline_session(clientid)
    return OK


def clean_node_session(services: Services, _call: Call, node: str, clientid: str) -> Answer:
    """End a session whose client is away, on one node."""
    services.clients.end_offline_session(clientid, node)
    return OK


ENDPOINTS = (
    Endpoint(
        "v3:GET /sessions",
        "list_sessions",
        "GET",
        "/sessions/",
        list_sessions,
        "A list of sessions in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/sessions",
        "list_node_sessions",
        "GET",
        "nodes/:node/sessions/",
        list_node_sessions,
        "A list of sessions on a node",
    ),
    Endpoint(
        "v3:GET /sessions/{clientid}",
        "lookup_session",
        "GET",
        "/sessions/:clientid",
        lookup_session,
        "Lookup a session in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/sessions/{clientid}",
        "lookup_node_session",
        "GET",
        "nodes/:node/sessions/:clientid",
        lookup_node_session,
        "Lookup a session on the node",
    ),
    Endpoint(
        "v3:DELETE /sessions/persistent/{clientid}",
        "clean_persistent_session",
        "DELETE",
        "/sessions/persistent/:clientid",
        clean_session,
        "Clean a persistent session in the cluster",
    ),
    Endpoint(
        "v3:DELETE /nodes/{node}/sessions/persistent/{clientid}",
        "clean_node_persistent_session",
        "DELETE",
        "nodes/:node/sessions/persistent/:clientid",
        clean_node_session,
        "Clean a persistent session on the node",
    ),
)
