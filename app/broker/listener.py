"""Listeners: sockets that accept, and what they count.

Each has a zone, a limit of connections and counts of why connections ended (`shutdown_count`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.broker.acceptor import Acceptor
from app.broker.admission import Admission
from app.broker.connection import Connection
from app.broker.core import BrokerCore
from app.broker.flusher import Flusher
from app.broker.metrics import Metrics
from app.broker.proxy_protocol import Origin
from app.broker.records import ListenerRecord
from app.broker.sockets import identity_of, open_sockets
from app.broker.timers import Timer
from app.broker.tls import Certificates
from app.broker.websocket import WebSocketConnection
from app.config import ListenerConfig
from app.mqtt.reason_codes import ReasonCode, text
from app.service_manager import opened_again

logger = logging.getLogger(__name__)

CONNECTIONS: dict[str, type[Connection]] = {
    "tcp": Connection,
    "ssl": Connection,
    "unix": Connection,
    "ws": WebSocketConnection,
    "wss": WebSocketConnection,
}
LOOK_AT_CERTIFICATES_EVERY_S = 60.0
LIMITS = {
    "frame_too_large": "limit_packet_size",
    text(ReasonCode.PACKET_TOO_LARGE): "limit_packet_size",
    text(ReasonCode.TOPIC_ALIAS_INVALID): "limit_topic_alias",
    text(ReasonCode.QOS_NOT_SUPPORTED): "limit_qos",
    text(ReasonCode.RETAIN_NOT_SUPPORTED): "limit_retain",
    "idle_timeout": "limit_idle_timeout",
}
"""Counters of the limits that end a connection, by the reason that it ended for."""


class Listener:
    """One listening address."""

    def __init__(
        self,
        config: ListenerConfig,
        core: BrokerCore,
        flusher: Flusher,
        admission: Admission,
        held: Sequence[int] = (),
    ) -> None:
        """Prepare; `start` opens the socket.

        Args:
            config: Where it listens, and for whom.
            core: What all connections share.
            flusher: Writes what connections have gathered.
            admission: The line at the door.
            held: Descriptors of sockets that listen already and stay open when it stops; empty opens its own.
        """
        self.config = config
        self._held = held
        self.core = core
        self.flusher = flusher
        self.admission = admission
        self.zone = core.config.zones[config.zone]
        self.max_packet_size = core.config.mqtt.max_packet_size
        self.lingers = True
        self.connections: set[Connection] = set()
        self.leaving = 0
        """Those of them that have ended and wait to be seen off: they take no place."""
        self.shutdown_count: Counter[str] = Counter()
        self.certificates: Certificates | None = None
        """Of a TLS listener that has started."""
        self.is_wanted = False
        """It is meant to listen: it was started and not stopped."""
        self.has_refused = False
        """Somebody found it full since the monitor last looked."""
        self.trouble = ""
        """Why it could not accept, since the monitor last looked."""
        self.start_error = ""
        """Why it does not listen though it is meant to."""
        self._servers: list[asyncio.Server] = []
        self._acceptors: list[Acceptor] = []
        self._socket_file = (0, 0)
        self._look: Timer | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that everything runs on."""
        return asyncio.get_running_loop()

    async def start(self) -> None:
        """Open the socket.

        Raises:
            CertificateError: a TLS listener has no certificate that can be used.
            OSError: the address cannot be used.
        """
        self.is_wanted = True
        try:
            await self._open()
        except OSError as error:
            self.start_error = error.strerror or str(error)
            raise
        self.start_error = ""
        logger.info("Listening for %s on %s", self.config.identifier, self.listen_on)

    async def _open(self) -> None:
        config = self.config
        loop = asyncio.get_running_loop()
        if config.tls is not None:
            self.certificates = Certificates(
                config.key, config.tls, config.protocol, self._find_key
            )
            self._look_again_later()
        if self._accepts_itself:
            sockets = opened_again(self._held) or open_sockets(config)
            self._acceptors = [Acceptor(self, sock, loop) for sock in sockets]
            if config.unix is not None and not self._held:
                self._socket_file = identity_of(Path(config.unix.path))
        elif self._held:
            for sock in opened_again(self._held):
                self._servers.append(await self._serve(sock=sock))
        else:
            self._servers = [
                await self._serve(host=config.host, port=config.port, reuse_address=True)
            ]

    async def _serve(self, **where: Any) -> asyncio.Server:
        """Have the loop itself accept, at an address or from a socket."""
        return await self.loop.create_server(
            lambda: self.make_protocol(None), backlog=self.config.backlog, **where
        )

    def _find_key(self, identity: str) -> bytes | None:
        # The table itself changes with the plugin that fills it.
        return self.core.pre_shared_keys.get(identity)

    @property
    def _accepts_itself(self) -> bool:
        """Tell whether something comes before MQTT; the loop's own server is faster where nothing does."""
        config = self.config
        comes_before = config.tls or config.unix or config.proxy_protocol or config.max_conn_rate
        return bool(comes_before)

    def stop_accepting(self) -> None:
        """Close the listening socket; connections stay."""
        self.is_wanted = False
        for server in self._servers:
            server.close()
        self._servers = []
        for acceptor in self._acceptors:
            acceptor.close()
        self._acceptors = []
        if self._look is not None:
            self._look.cancel()
        if self.config.unix is not None and self._socket_file != (0, 0):
            path = Path(self.config.unix.path)
            if identity_of(path) == self._socket_file:
                path.unlink(missing_ok=True)
            self._socket_file = (0, 0)

    # -- certificates --------------------------------------------------------------------------

    def _look_again_later(self) -> None:
        self._look = self.core.after(LOOK_AT_CERTIFICATES_EVERY_S, self._look_at_certificates)

    def _look_at_certificates(self) -> None:
        self._look_again_later()
        if self.certificates is not None:
            self.certificates.refresh()

    # -- connections ---------------------------------------------------------------------------

    @property
    def metrics(self) -> Metrics:
        """Return the broker's counters."""
        return self.core.metrics

    def make_protocol(self, origin: Origin | None) -> Connection:
        """Return what serves a connection; `origin` is what its PROXY header said."""
        return CONNECTIONS[self.config.protocol](self, origin)

    def has_room(self, arriving: int) -> bool:
        """Tell whether one more may come in beside those on their way; counts a refusal."""
        if len(self.connections) - self.leaving + arriving < self.config.max_connections:
            return True
        self.metrics.listener_refused_max_connections += 1
        self.has_refused = True
        return False

    def admit(self, connection: Connection) -> bool:
        """Note a new connection; False where there are too many."""
        if not self.has_room(0):
            return False
        self.connections.add(connection)
        return True

    def forget(self, connection: Connection, reason: str) -> None:
        """Note that a connection ended, and why."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.shutdown_count[reason] += 1
            limit = LIMITS.get(reason)
            if limit is not None:
                setattr(self.metrics, limit, getattr(self.metrics, limit) + 1)

    @property
    def listen_on(self) -> str:
        """Return the address as the API shows it."""
        if self.config.unix is not None:
            return self.config.unix.path
        return f"{self.config.host}:{self.config.port}"

    def record(self) -> ListenerRecord:
        """Return what the API shows."""
        protocol = f"mqtt:{self.config.protocol}"
        if self.config.protocol in {"ws", "wss"}:
            protocol = f"{protocol}:{self.config.port}"
        return ListenerRecord(
            protocol=protocol,
            listen_on=self.listen_on,
            identifier=self.config.identifier,
            acceptors=self.config.acceptors,
            max_conns=self.config.max_connections,
            current_conns=len(self.connections),
            shutdown_count=dict(self.shutdown_count),
            is_open=bool(self._servers or self._acceptors),
        )
