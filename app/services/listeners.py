"""Where the nodes listen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.broker.records import ListenerRecord
from app.errors import ResultCode, ServiceError
from app.node.proxy import Control, Nodes
from app.services.nodes import node_called


class ListenersService:
    """The listeners of the nodes."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(self) -> Sequence[tuple[str, list[ListenerRecord]]]:
        """Return every node's name and its listeners."""
        return [(node.name, node.listeners()) for node in self._nodes.all()]

    def get(self, node: str) -> Sequence[ListenerRecord]:
        """Return the listeners of one node.

        Raises:
            UnknownNode: There is no such node.
        """
        return node_called(self._nodes, node).listeners()

    def restart(self, identifier: str, node: str | None = None) -> None:
        """Close a listener's socket and open it anew; who is connected stays.

        Args:
            identifier: Of the listener, `mqtt:tcp:external`.
            node: Where; everywhere by default.

        Raises:
            ServiceError: There is no such listener, or its socket cannot be opened; the text says which, as EMQX does.
            UnknownNode: There is no such node.
        """
        self._tell("restart", lambda control: control.restart_listener(identifier), node)

    def stop(self, identifier: str) -> None:
        """Close a listener's socket on every node; who is connected stays.

        Raises:
            ServiceError: There is no such listener.
        """
        self._tell("stop", lambda control: control.stop_listener(identifier))

    def start(self, identifier: str) -> None:
        """Open a listener's socket on every node where it was stopped.

        Raises:
            ServiceError: There is no such listener, or its socket cannot be opened.
        """
        self._tell("start", lambda control: control.start_listener(identifier))

    def _tell(self, verb: str, command: Callable[[Control], bool], node: str | None = None) -> None:
        nodes = self._nodes.all() if node is None else (node_called(self._nodes, node),)
        found = False
        for one in nodes:
            try:
                found = command(one.control) or found
            except OSError as error:
                why = error.strerror or str(error)
                raise ServiceError(
                    ResultCode.UNKNOWN, f'{{{verb},[{{{one.name},"{why}"}}]}}', bare=True
                ) from None
        if not found:
            raise ServiceError(ResultCode.NOT_FOUND, f"{{{verb},[not_found]}}", bare=True)
