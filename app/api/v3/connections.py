"""Connections in the words of the third generation: the clients that are there."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED, local_time
from app.api.v3.dialect import OK, page, rows
from app.broker.records import ClientRecord
from app.errors import ResultCode, ServiceError
from app.services import Services


def connection_row(client: ClientRecord) -> dict[str, object]:
    """Return one connection as the API shows it; runs on the loop.

    Source: seed 002, GET /api/v3/connections; the figures of the connection from EMQ X 3.2.
    """
    return {
        "node": client.node,
        "client_id": client.clientid,
        "username": UNDEFINED if client.username is None else client.username,
        "ipaddress": client.ip_address,
        "port": client.port,
        "proto_name": client.proto_name,
        "proto_ver": client.proto_ver,
        "keepalive": client.keepalive_s,
        "clean_start": client.clean_start,
        "connected_at": local_time(client.connected_at_ms),
        "is_bridge": client.is_bridge,
        "is_super": client.is_superuser,
        "mountpoint": UNDEFINED if client.mountpoint is None else client.mountpoint,
        # EMQ X keeps a certificate's bytes here, which no JSON holds; what matters is whether TLS was spoken.
        "peercert": UNDEFINED if client.is_tls else "nossl",
        "will_topic": UNDEFINED if client.will_topic is None else client.will_topic,
        "zone": client.zone,
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
    }


def list_connections(services: Services, call: Call) -> Answer:
    """List the connections of the cluster; EMQ X lists those of one node."""
    asked = call.page()
    return page(services.clients.connections(asked, connection_row), asked)


def list_node_connections(services: Services, call: Call, node: str) -> Answer:
    """List the connections of one node."""
    asked = call.page()
    return page(services.clients.connections(asked, connection_row, node), asked)


def lookup_connections(services: Services, _call: Call, clientid: str) -> Answer:
    """Look a connection up by its client's id."""
    return rows(services.clients.connection(clientid, connection_row))


def lookup_node_connections(services: Services, _call: Call, node: str, clientid: str) -> Answer:
    """Look a connection up by its client's id on one node."""
    return rows(services.clients.connection(clientid, connection_row, node))


def lookup_connections_via_username(services: Services, _call: Call, username: str) -> Answer:
    """Look connections up by their user name."""
    return rows(services.clients.connections_of_user(username, connection_row))


def lookup_node_connections_via_username(
    services: Services, _call: Call, node: str, username: str
) -> Answer:
    """Look connections up by their user name on one node."""
    return rows(services.clients.connections_of_user(username, connection_row, node))


def kickout_connection(services: Services, _call: Call, clientid: str) -> Answer:
    """Kick a client that is connected."""
    if not services.clients.kick_connected(clientid):
        raise ServiceError(ResultCode.CLIENT_NOT_ONLINE)
    return OK


def clean_acl_cache(services: Services, _call: Call, clientid: str, topic: str) -> Answer:
    """Forget what the access rules said about a client.

    Not only about `topic`: the rules will be asked about the others again, and answer the same.
    """
    del topic
    services.control.drain_acl_cache(clientid)
    return OK


ENDPOINTS = (
    Endpoint(
        "v3:GET /connections",
        "list_connections",
        "GET",
        "/connections/",
        list_connections,
        "A list of connections in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/connections",
        "list_node_connections",
        "GET",
        "nodes/:node/connections/",
        list_node_connections,
        "A list of connections on a node",
    ),
    Endpoint(
        "v3:GET /connections/{clientid}",
        "lookup_connections",
        "GET",
        "/connections/:clientid",
        lookup_connections,
        "Lookup a connection in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/connections/{clientid}",
        "lookup_node_connections",
        "GET",
        "nodes/:node/connections/:clientid",
        lookup_node_connections,
        "Lookup a connection on node",
    ),
    Endpoint(
        "v3:GET /connection/username/{username}",
        "lookup_connections_via_username",
        "GET",
        "/connection/username/:username",
        lookup_connections_via_username,
        "Lookup a connection via username in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/connection/username/{username}",
        "lookup_node_connections_via_username",
        "GET",
        "/nodes/:node/connection/username/:username",
        lookup_node_connections_via_username,
        "Lookup a connection via username on a node",
    ),
    Endpoint(
        "v3:DELETE /connections/{clientid}",
        "kickout_connection",
        "DELETE",
        "/connections/:clientid",
        kickout_connection,
        "Kick out a connection",
    ),
    Endpoint(
        "v3:DELETE /connections/{clientid}/acl/{topic}",
        "clean_acl_cache",
        "DELETE",
        "/connections/:clientid/acl/:topic",
        clean_acl_cache,
        "Clean ACL cache of a connection",
    ),
)
