"""Listeners: sockets that accept, and what they count.

Each has a zone, a limit of connections and counts of why connections ended (`shutdown_count`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from app.broker.connection import Connection, Flusher
from app.broker.core import BrokerCore
from app.broker.records import ListenerRecord
from app.broker.websocket import WebSocketConnection
from app.config import ListenerConfig

logger = logging.getLogger(__name__)

CONNECTIONS = {"tcp": Connection, "ws": WebSocketConnection}


class Listener:
    """One listening address."""

    def __init__(self, config: ListenerConfig, core: BrokerCore, flusher: Flusher) -> None:
        """Prepare; `start` opens the socket."""
        self.config = config
        self.core = core
        self.flusher = flusher
        self.zone = core.config.zones[config.zone]
        self.max_packet_size = core.config.mqtt.max_packet_size
        self.connections: set[Connection] = set()
        self.shutdown_count: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that everything runs on."""
        return asyncio.get_running_loop()

    async def start(self) -> None:
        """Open the socket.

        Raises:
            OSError: the address cannot be used.
        """
        loop = asyncio.get_running_loop()
        connection = CONNECTIONS[self.config.protocol]
        self._server = await loop.create_server(
            lambda: connection(self),
            self.config.host,
            self.config.port,
            backlog=self.config.backlog,
            reuse_address=True,
        )
        logger.info("Listening for %s on %s", self.config.identifier, self.listen_on)

    def stop_accepting(self) -> None:
        """Close the listening socket; connections stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def admit(self, connection: Connection) -> bool:
        """Note a new connection; False where there are too many."""
        if len(self.connections) >= self.config.max_connections:
            self.core.metrics.listener_refused_max_connections += 1
            return False
        self.connections.add(connection)
        return True

    def forget(self, connection: Connection, reason: str) -> None:
        """Note that a connection ended, and why."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.shutdown_count[reason] += 1

    @property
    def listen_on(self) -> str:
        """Return the address as the API shows it."""
        return f"{self.config.host}:{self.config.port}"

    def record(self) -> ListenerRecord:
        """Return what the API shows."""
        protocol = f"mqtt:{self.config.protocol}"
        if self.config.protocol == "ws":
            protocol = f"{protocol}:{self.config.port}"
        return ListenerRecord(
            protocol=protocol,
            listen_on=self.listen_on,
            identifier=self.config.identifier,
            acceptors=self.config.acceptors,
            max_conns=self.config.max_connections,
            current_conns=len(self.connections),
            shutdown_count=dict(self.shutdown_count),
        )
