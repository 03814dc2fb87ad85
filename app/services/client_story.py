"""One client's own page: what happened to it lately, and what is on its way to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.broker.client_story import ClientEvent
from app.errors import ResultCode, ServiceError
from app.node.client_messages import ClientMessages
from app.node.proxy import Nodes
from app.services.query import to_integer

SHOWN = 20
MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """An event, and the node where it happened."""

    node: str
    event: ClientEvent


class ClientStoryService:
    """Asks every node, as a client may have moved from one to another."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def events(self, clientid: str) -> list[NodeEvent]:
        """Return what is remembered of a client that is there or was, newest first."""
        found = [
            NodeEvent(node.name, event)
            for node in self._nodes.all()
            for event in reversed(node.control.client_events(clientid))
        ]
        return sorted(found, key=lambda one: -one.event.at_ms)

    def messages(self, clientid: str, params: Mapping[str, object]) -> list[ClientMessages]:
        """Return inflight window and queue of a client, connected or not: one, or none.

        Args:
            clientid: Whose.
            params: `_limit`, how many messages to show of each; 20 by default, 1,000 at most.

        Raises:
            ServiceError: `_limit` cannot be read (108).
        """
        count = to_integer(params.get("_limit", SHOWN))
        if count < 0:
            raise ServiceError(ResultCode.BAD_PARAMETER, "bad_params")
        asked = (
            node.control.client_messages(clientid, min(count, MOST_SHOWN))
            for node in self._nodes.all()
        )
        return [one for one in asked if one is not None]
