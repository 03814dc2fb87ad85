"""Clients in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED, local_time
from app.api.v4.dialect import OK, page, rows
from app.broker.records import ClientRecord
from app.services import Services


def client_row(client: ClientRecord) -> dict[str, object]:
    """Return one client as the API shows it; runs on the loop.

    Source: seed 004, GET /api/v4/clients; `mountpoint` and the dotted counters from EMQX 4.4.
    """
    row: dict[str, object] = {
        "node": client.node,
        "clientid": client.clientid,
        "username": UNDEFINED if client.username is None else client.username,
        "proto_name": client.proto_name,
        "proto_ver": client.proto_ver,
        "ip_address": client.ip_address,
        "port": client.port,
        "is_bridge": client.is_bridge,
        "connected": client.connected,
        "connected_at": local_time(client.connected_at_ms),
        "created_at": local_time(client.created_at_ms),
        "zone": client.zone,
        "mountpoint": UNDEFINED if client.mountpoint is None else client.mountpoint,
        "keepalive": client.keepalive_s,
        "clean_start": client.clean_start,
        "expiry_interval": client.expiry_interval_s,
        "subscriptions_cnt": client.subscriptions_cnt,
        "max_subscriptions": client.max_subscriptions,
        "inflight": client.inflight,
        "max_inflight": client.max_inflight,
        "mqueue_len": client.mqueue_len,
        "max_mqueue": client.max_mqueue,
        "mqueue_dropped": client.mqueue_dropped,
        "awaiting_rel": client.awaiting_rel,
        "max_awaiting_rel": client.max_awaiting_rel,
        "recv_oct": client.recv_oct,
        "recv_cnt": client.recv_cnt,
        "recv_pkt": client.recv_pkt,
        "recv_msg": client.recv_msg,
        "send_oct": client.send_oct,
        "send_cnt": client.send_cnt,
        "send_pkt": client.send_pkt,
        "send_msg": client.send_msg,
        "mailbox_len": client.mailbox_len,
        "heap_size": client.heap_size,
        "reductions": client.reductions,
        **client.counters,
    }
    if client.disconnected_at_ms is not None:
        row["disconnected_at"] = local_time(client.disconnected_at_ms)
    return row


def list_clients(services: Services, call: Call) -> Answer:
    """List the clients of the cluster."""
    asked = call.page()
    return page(services.clients.list(call.params, asked, client_row), asked)


def list_node_clients(services: Services, call: Call, node: str) -> Answer:
    """List the clients of one node."""
    asked = call.page()
    return page(services.clients.list_on(node, call.params, asked, client_row), asked)


def lookup_client(services: Services, _call: Call, clientid: str) -> Answer:
    """Look a client up by its id."""
    return rows(services.clients.lookup(clientid, client_row))


def lookup_node_client(services: Services, _call: Call, node: str, clientid: str) -> Answer:
    """Look a client up by its id on one node."""
    return rows(services.clients.lookup_on(node, clientid, client_row))


def lookup_client_via_username(services: Services, _call: Call, username: str) -> Answer:
    """Look clients up by their user name."""
    return rows(services.clients.lookup_username(username, client_row))


def lookup_node_client_via_username(
    services: Services, _call: Call, node: str, username: str
) -> Answer:
    """Look clients up by their user name on one node."""
    return rows(services.clients.lookup_username_on(node, username, client_row))


def kickout_client(services: Services, _call: Call, clientid: str) -> Answer:
    """Kick a client; an unknown one is as gone as it will be (4.3.9 and later)."""
    services.clients.kick(clientid)
    return OK


ENDPOINTS = (
    Endpoint(
        "v4:GET /clients",
        "list_clients",
        "GET",
        "/clients/",
        list_clients,
        "A list of clients on current node",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/clients",
        "list_node_clients",
        "GET",
        "nodes/:node/clients/",
        list_node_clients,
        "A list of clients on specified node",
    ),
    Endpoint(
        "v4:GET /clients/{clientid}",
        "lookup_client",
        "GET",
        "/clients/:clientid",
        lookup_client,
        "Lookup a client in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/clients/{clientid}",
        "lookup_node_client",
        "GET",
        "nodes/:node/clients/:clientid",
        lookup_node_client,
        "Lookup a client on the node",
    ),
    Endpoint(
        "v4:GET /clients/username/{username}",
        "lookup_client_via_username",
        "GET",
        "/clients/username/:username",
        lookup_client_via_username,
        "Lookup a client via username in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/clients/username/{username}",
        "lookup_node_client_via_username",
        "GET",
        "/nodes/:node/clients/username/:username",
        lookup_node_client_via_username,
        "Lookup a client via username on the node ",
    ),
    Endpoint(
        "v4:DELETE /clients/{clientid}",
        "kickout_client",
        "DELETE",
        "/clients/:clientid",
        kickout_client,
        "Kick out the client in the cluster",
    ),
)
