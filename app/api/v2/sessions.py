"""Sessions in the words of the second generation: with a client, or waiting for one."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import local_time
from app.api.v2.dialect import asked_page, objects, page
from app.broker.records import ClientRecord
from app.services import Services


def session_row(client: ClientRecord) -> dict[str, object]:
    """Return one session as the API shows it; runs on the loop (seed 003, GET /api/v2/sessions/{clientid})."""
    return {
        "client_id": client.clientid,
        "clean_sess": client.clean_start,
        "subscriptions": client.subscriptions_cnt,
        "max_inflight": client.max_inflight,
        "inflight_len": client.inflight,
        "mqueue_len": client.mqueue_len,
        "mqueue_dropped": client.mqueue_dropped,
        "awaiting_rel_len": client.awaiting_rel,
        "deliver_msg": client.send_msg,
        "enqueue_msg": client.enqueue_msg,
        "created_at": local_time(client.created_at_ms),
    }


def list_node_sessions(services: Services, call: Call, node_name: str) -> Answer:
    """List the sessions of one node."""
    asked = asked_page(call)
    return page(services.clients.list_on(node_name, {}, asked, session_row), asked)


def lookup_node_session(services: Services, _call: Call, node_name: str, clientid: str) -> Answer:
    """Look a session up by its client's id on one node."""
    return objects(services.clients.lookup_on(node_name, clientid, session_row))


def lookup_session(services: Services, _call: Call, clientid: str) -> Answer:
    """Look a session up by its client's id."""
    return objects(services.clients.lookup(clientid, session_row))


ENDPOINTS = (
    Endpoint(
        "v2:GET /nodes/{node_name}/sessions",
        "list_node_sessions",
        "GET",
        "nodes/:node_name/sessions",
        list_node_sessions,
        "A list of sessions on a node",
    ),
    Endpoint(
        "v2:GET /nodes/{node_name}/sessions/{clientid}",
        "lookup_node_session",
        "GET",
        "nodes/:node_name/sessions/:clientid",
        lookup_node_session,
        "Lookup a session on a node",
    ),
    Endpoint(
        "v2:GET /sessions/{clientid}",
        "lookup_session",
        "GET",
        "sessions/:clientid",
        lookup_session,
        "Lookup a session in the cluster",
    ),
)
