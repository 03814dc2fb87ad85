"""What an operator does to one connected client: its ACL cache, its limits, its keepalive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from app.broker.acl_cache import AclVerdict
from app.config import Rate
from app.config.kinds import Kind, rate, size, whole
from app.errors import ResultCode, ServiceError
from app.node.proxy import Control, Nodes
from app.services.nodes import node_called
from app.services.query import to_integer

T = TypeVar("T")

MESSAGES: Kind[Rate | None] = rate(whole(1))
BYTES: Kind[Rate | None] = rate(size)
LONGEST_KEEPALIVE_S = 65_535
KEEPALIVE_RANGE = "mqtt3.1.1 specification: keepalive must between 0~65535"
"""EMQX's sentence."""


class ControlService:
    """Commands about one client, wherever it is connected, and about the ACL caches of all.

    Those about one client raise `ServiceError` with CLIENT_NOT_ONLINE where it is not connected.
    """

    def __init__(self, nodes: Nodes) -> None:
        """Tell these nodes."""
        self._nodes = nodes

    def acl_cache(self, clientid: str) -> list[AclVerdict]:
        """Return what is remembered of a client's ACL verdicts, newest first."""
        for node in self._nodes.all():
            found = node.control.acl_cache(clientid)
            if found is not None:
                return found
        raise ServiceError(ResultCode.CLIENT_NOT_ONLINE)

    def drain_acl_cache(self, clientid: str) -> None:
        """Forget a client's ACL verdicts."""
        self._tell(lambda control: control.drain_acl_cache(clientid))

    def drain_acl_caches(self, node: str | None = None) -> None:
        """Forget the ACL verdicts of all clients of a node, or of all nodes.

        Raises:
            UnknownNode: There is no such node.
        """
        nodes = self._nodes.all() if node is None else (node_called(self._nodes, node),)
        for one in nodes:
            one.control.drain_acl_caches()

    def limit_rate(self, clientid: str, params: Mapping[str, object]) -> None:
        """Hold a client to rates, in place of those it has; without any, nothing is changed.

        Args:
            clientid: Whose.
            params: `conn_messages_in` and `conn_bytes_in`, such as `100,10s` and `100KB,10s`.

        Raises:
            ServiceError: BAD_PARAMETER; a rate cannot be read.
        """
        messages = _read(MESSAGES, params, "conn_messages_in")
        amount = _read(BYTES, params, "conn_bytes_in")
        if messages is not None or amount is not None:
            self._tell(lambda control: control.limit_rate(clientid, messages, amount))

    def free_rate(self, clientid: str) -> None:
        """Hold a client to no rates any more."""
        self._tell(lambda control: control.limit_rate(clientid, None, None))

    def limit_quota(self, clientid: str, params: Mapping[str, object]) -> None:
        """Hold a client to a quota of deliveries, in place of the one it has; without one, nothing is changed.

        Args:
            clientid: Whose.
            params: `conn_messages_routing`, such as `100,10s`.

        Raises:
            ServiceError: BAD_PARAMETER; it cannot be read.
        """
        quota = _read(MESSAGES, params, "conn_messages_routing")
        if quota is not None:
            self._tell(lambda control: control.limit_quota(clientid, quota))

    def free_quota(self, clientid: str) -> None:
        """Hold a client to no quota any more."""
        self._tell(lambda control: control.limit_quota(clientid, None))

    def set_keepalive(self, clientid: str, params: Mapping[str, object]) -> None:
        """Expect signs of life from a client in another interval.

        Args:
            clientid: Whose.
            params: `interval`, in seconds.

        Raises:
            ServiceError: It is missing, or none.
        """
        if "interval" not in params:
            raise ServiceError(ResultCode.MISSING_PARAMETER, "params_not_found")
        interval_s = to_integer(params["interval"])
        if not 0 <= interval_s <= LONGEST_KEEPALIVE_S:
            raise ServiceError(ResultCode.UNKNOWN, KEEPALIVE_RANGE)
        self._tell(lambda control: control.set_keepalive(clientid, interval_s))

    def _tell(self, command: Callable[[Control], bool]) -> None:
        if not any(command(node.control) for node in self._nodes.all()):
            raise ServiceError(ResultCode.CLIENT_NOT_ONLINE)


def _read(kind: Kind[Rate | None], params: Mapping[str, object], key: str) -> Rate | None:
    given = params.get(key)
    if given is None:
        return None
    try:
        found = kind(str(given))
    except ValueError:
        found = None
    if found is None:
        raise ServiceError(ResultCode.BAD_PARAMETER)
    return found
