"""Clients: looking them up on the nodes, narrowing the list down, kicking them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.errors import ResultCode, ServiceError
from app.node.proxy import ClientQuery, ClientRow, Nodes, PageRequest, RowsPage
from app.node.queries import SORTED
from app.services.nodes import joined, node_called, page_over
from app.services.query import (
    Filter,
    one_of,
    read_filters,
    to_boolean,
    to_integer,
    to_ipv4,
    to_milliseconds,
    to_text,
)

# Seed 004, GET /api/v4/clients; types as in 4.4, CLIENT_QS_SCHEMA.
FILTERS: tuple[Filter, ...] = (
    Filter("clientid", "clientid", to_text),
    Filter("username", "username", to_text),
    Filter("zone", "zone", to_text),
    Filter("ip_address", "ip_address", to_ipv4),
    Filter("conn_state", "conn_state", one_of("connected", "idle", "disconnected")),
    Filter("clean_start", "clean_start", to_boolean),
    Filter("proto_name", "proto_name", to_text),
    Filter("proto_ver", "proto_ver", to_integer),
    Filter("_like_clientid", "like_clientid", to_text, unless="clientid"),
    Filter("_like_username", "like_username", to_text, unless="username"),
    Filter("_gte_created_at", "gte_created_at_ms", to_milliseconds),
    Filter("_lte_created_at", "lte_created_at_ms", to_milliseconds),
    Filter("_gte_connected_at", "gte_connected_at_ms", to_milliseconds),
    Filter("_lte_connected_at", "lte_connected_at_ms", to_milliseconds),
    Filter("_gte_mqueue_len", "gte_mqueue_len", to_integer),
    Filter("_lte_mqueue_len", "lte_mqueue_len", to_integer),
    Filter("_gte_mqueue_dropped", "gte_mqueue_dropped", to_integer),
    Filter("_lte_mqueue_dropped", "lte_mqueue_dropped", to_integer),
    # An addition: the largest first.
    Filter("_sort", "sort", one_of(*SORTED)),
)


def client_query(params: Mapping[str, object]) -> ClientQuery:
    """Return the filters that the parameters ask for.

    Raises:
        ServiceError: A value cannot be read (108).
    """
    fields: dict[str, Any] = read_filters(FILTERS, params)
    return ClientQuery(**fields)


EVERYTHING = PageRequest(page=1, limit=1_000_000_000)


class ClientsService:
    """The clients of the cluster. Rows come back encoded, as JSON objects joined by commas."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(self, params: Mapping[str, object], page: PageRequest, row: ClientRow) -> RowsPage:
        """Return a page of the clients of all nodes that pass the filters in `params`."""
        query = client_query(params)
        return page_over(self._nodes, page, lambda node, part: node.clients(query, part, row))

    def list_on(
        self, node: str, params: Mapping[str, object], page: PageRequest, row: ClientRow
    ) -> RowsPage:
        """Return a page of the clients of one node that pass the filters in `params`."""
        return node_called(self._nodes, node).clients(client_query(params), page, row)

    def lookup(self, clientid: str, row: ClientRow) -> bytes:
        """Return the clients with that id: one, or none."""
        return joined(node.client(clientid, row) for node in self._nodes.all())

    def lookup_on(self, node: str, clientid: str, row: ClientRow) -> bytes:
        """Return the clients with that id on one node."""
        return node_called(self._nodes, node).client(clientid, row)

    def lookup_username(self, username: str, row: ClientRow) -> bytes:
        """Return the clients that logged in by that name."""
        return joined(node.clients_of_user(username, row) for node in self._nodes.all())

    def lookup_username_on(self, node: str, username: str, row: ClientRow) -> bytes:
        """Return the clients that logged in by that name on one node."""
        return node_called(self._nodes, node).clients_of_user(username, row)

    # EMQX 2 and 3 know connections and sessions: the first are the clients that are there.

    def connections(self, page: PageRequest, row: ClientRow, node: str | None = None) -> RowsPage:
        """Return a page of the connected clients, of one node or of all, and how many there are."""
        return self._connected(ClientQuery(conn_state="connected"), page, row, node)

    def connection(self, clientid: str, row: ClientRow, node: str | None = None) -> bytes:
        """Return the client with that id if it is connected, there or anywhere."""
        query = ClientQuery(conn_state="connected", clientid=clientid)
        return self._connected(query, EVERYTHING, row, node).rows

    def connections_of_user(self, username: str, row: ClientRow, node: str | None = None) -> bytes:
        """Return the connected clients that logged in by that name, there or anywhere."""
        query = ClientQuery(conn_state="connected", username=username)
        return self._connected(query, EVERYTHING, row, node).rows

    def _connected(
        self, query: ClientQuery, page: PageRequest, row: ClientRow, node: str | None
    ) -> RowsPage:
        counted = replace(page, counted=True)
        if node is not None:
            return node_called(self._nodes, node).clients(query, counted, row)
        return page_over(self._nodes, counted, lambda one, part: one.clients(query, part, row))

    def kick_connected(self, clientid: str) -> bool:
        """Do as `kick`, but only to a client that is connected."""
        return bool(self.connection(clientid, _nothing)) and self.kick(clientid)

    def end_offline_session(self, clientid: str, node: str | None = None) -> None:
        """End the session of a client that is away.

        Raises:
            UnknownNode: There is no such node.
            ServiceError: The client is there, or has no session (both without a code, as in EMQX 3.2).
        """
        if self.connection(clientid, _nothing, node):
            raise ServiceError(ResultCode.BAD_REQUEST, "running_session", bare=True)
        nodes = self._nodes.all() if node is None else (node_called(self._nodes, node),)
        if not sum(one.kick(clientid) for one in nodes):
            raise ServiceError(ResultCode.NOT_FOUND, "not_found", bare=True)

    def kick(self, clientid: str) -> bool:
        """Close the client's connection and end its session, wherever it is; return whether anybody knew it."""
        # All are told: a client may linger on one node while it lives on another.
        return sum(node.kick(clientid) for node in self._nodes.all()) > 0


def _nothing(_client: object) -> dict[str, object]:
    """Show nothing of a client but that it is there."""
    return {}
