"""Clients in the words of the second generation: those that are connected."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED, local_time
from app.api.v2.dialect import OK, asked_page, objects, page, parameter
from app.broker.records import ClientRecord
from app.errors import ResultCode, ServiceError
from app.services import Services


def client_row(client: ClientRecord) -> dict[str, object]:
    """Return one client as the API shows it; runs on the loop (seed 003, GET /api/v2/clients/{clientid})."""
    return {
        "client_id": client.clientid,
        "username": UNDEFINED if client.username is None else client.username,
        "ipaddress": client.ip_address,
        "port": client.port,
        "clean_sess": client.clean_start,
        "proto_ver": client.proto_ver,
        "keepalive": client.keepalive_s,
        "connected_at": local_time(client.connected_at_ms),
    }


def list_node_clients(services: Services, call: Call, node_name: str) -> Answer:
    """List the clients that are connected to one node."""
    asked = asked_page(call)
    return page(services.clients.connections(asked, client_row, node_name), asked)


def lookup_node_client(services: Services, _call: Call, node_name: str, clientid: str) -> Answer:
    """Look a client up by its id on one node."""
    return objects(services.clients.connection(clientid, client_row, node_name))


def lookup_client(services: Services, _call: Call, clientid: str) -> Answer:
    """Look a client up by its id."""
    return objects(services.clients.connection(clientid, client_row))


def kick_client(services: Services, _call: Call, clientid: str) -> Answer:
    """Kick a client that is connected."""
    if not services.clients.kick_connected(clientid):
        raise ServiceError(ResultCode.CLIENT_NOT_ONLINE)
    return OK


def clean_acl_cache(services: Services, call: Call, clientid: str) -> Answer:
    """Forget what the access rules said about a client.

    Not only about `topic`: the rules will be asked about the others again, and answer the same.
    """
    parameter(call.params, "topic", str)
    services.control.drain_acl_cache(clientid)
    return OK


ENDPOINTS = (
    Endpoint(
        "v2:GET /nodes/{node_name}/clients",
        "list_node_clients",
        "GET",
        "nodes/:node_name/clients",
        list_node_clients,
        "A list of clients on a node",
    ),
    Endpoint(
        "v2:GET /nodes/{node_name}/clients/{clientid}",
        "lookup_node_client",
        "GET",
        "nodes/:node_name/clients/:clientid",
        lookup_node_client,
        "Lookup a client on a node",
    ),
    Endpoint(
        "v2:GET /clients/{clientid}",
        "lookup_client",
        "GET",
        "clients/:clientid",
        lookup_client,
        "Lookup a client in the cluster",
    ),
    Endpoint(
        "v2:DELETE /clients/{clientid}",
        "kick_client",
        "DELETE",
        "clients/:clientid",
        kick_client,
        "Kick out a client",
    ),
    Endpoint(
        "v2:PUT /clients/{clientid}/clean_acl_cache",
        "clean_acl_cache",
        "PUT",
        "clients/:clientid/clean_acl_cache",
        clean_acl_cache,
        "Clean the ACL cache of a client",
    ),
)
