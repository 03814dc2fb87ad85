"""Accepting one connection at a time, for listeners where something comes before MQTT or where the rate is bounded.

The event loop's own server accepts whatever comes and starts TLS at once. Here a PROXY header may come first, TLS takes
the newest certificates, failures are counted, and what is still on its way in is bounded and counts as a connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Protocol

from app.broker.metrics import Metrics
from app.broker.proxy_protocol import HeaderParser, NoHeaderError, Origin
from app.broker.tls import Certificates
from app.config import ListenerConfig

logger = logging.getLogger(__name__)

ACCEPTS_A_TURN = 64
"""Others get their turn of the loop after so many."""
HANDSHAKES_A_TURN = 1
"""As `ACCEPTS_A_TURN` where TLS comes first: each costs a millisecond, and all that were accepted together may fall due
together."""
RETRY_S = 1.0
"""Out of file descriptors: the backlog holds who knocks meanwhile."""
TLS_SHUTDOWN_S = 5.0


class Doorkeeper(Protocol):
    """The listener, as the acceptor sees it."""

    config: ListenerConfig
    certificates: Certificates | None
    trouble: str
    """Why it could not accept; for the monitor."""

    @property
    def metrics(self) -> Metrics:
        """Return the broker's counters."""

    def has_room(self, arriving: int) -> bool:
        """Tell whether one more may come in beside those on their way; counts a refusal."""

    def make_protocol(self, origin: Origin | None) -> asyncio.Protocol:
        """Return what serves a connection."""


class Acceptor:
    """Accepts from one listening socket."""

    def __init__(
        self, listener: Doorkeeper, sock: socket.socket, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Take a socket that listens."""
        self._listener = listener
        self._sock = sock
        self._loop = loop
        self._arriving: set[asyncio.Task[None]] = set()
        self._bucket = Bucket(listener.config.max_conn_rate, loop.time())
        self._pause: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._accept_some)

    def close(self) -> None:
        """Stop accepting, close the socket, and give up who is on the way in."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        for task in self._arriving:
            task.cancel()

    def _accept_some(self) -> None:
        has_tls = self._listener.config.tls is not None
        for _ in range(HANDSHAKES_A_TURN if has_tls else ACCEPTS_A_TURN):
            wait_s = self._bucket.take(self._loop.time())
            if wait_s:
                self._listener.metrics.listener_paused_conn_rate += 1
                self._rest(wait_s)
                return
            try:
                sock, _peer = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._bucket.give_back()
                return
            except OSError as error:
                self._bucket.give_back()
                self._listener.trouble = error.strerror or str(error)
                logger.warning("%s cannot accept: %s", self._listener.config.key, error.strerror)
                self._rest(RETRY_S)
                return
            self._take_in(sock)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._pause = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock.fileno(), self._accept_some)

    def _take_in(self, sock: socket.socket) -> None:
        if not self._listener.has_room(len(self._arriving)):
            sock.close()
            return
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._welcome(sock))
        self._arriving.add(task)
        task.add_done_callback(lambda done: self._arrived(done, sock))

    def _arrived(self, task: asyncio.Task[None], sock: socket.socket) -> None:
        self._arriving.discard(task)
        if task.cancelled():
            sock.close()  # cancelled before its first step, nobody else would
        elif task.exception() is not None:
            logger.error("A connection could not be taken in", exc_info=task.exception())

    async def _welcome(self, sock: socket.socket) -> None:
        """Bring one connection as far as MQTT, or close it and count why."""
        metrics = self._listener.metrics
        origin = None
        if self._listener.config.proxy_protocol:
            try:
                async with asyncio.timeout(self._listener.config.proxy_protocol_timeout_s):
                    origin = await read_header(self._loop, sock)
            except (NoHeaderError, OSError, TimeoutError):
                metrics.listener_error_proxy_protocol += 1
                sock.close()
                return
        try:
            await self._hand_over(sock, origin)
        except OSError:
            # Of TLS, of its timeout, or of a peer that is gone already.
            metrics.listener_error_handshake += 1

    async def _hand_over(self, sock: socket.socket, origin: Origin | None) -> None:
        listener = self._listener
        if listener.certificates is None or listener.config.tls is None:
            await self._loop.connect_accepted_socket(lambda: listener.make_protocol(origin), sock)
            return
        await self._loop.connect_accepted_socket(
            lambda: listener.make_protocol(origin),
            sock,
            ssl=listener.certificates.context,
            ssl_handshake_timeout=listener.config.tls.handshake_timeout_s,
            ssl_shutdown_timeout=TLS_SHUTDOWN_S,
        )


class Bucket:
    """How many connections may be accepted now: one second's worth at most, filled steadily."""

    def __init__(self, rate: int, now_s: float) -> None:
        """Start full; a rate of 0 sets no limit."""
        self._rate = rate
        self._left = float(rate)
        self._filled_at_s = now_s

    def take(self, now_s: float) -> float:
        """Take one and return 0, or return how many seconds to wait for it."""
        if not self._rate:
            return 0.0
        grown = (now_s - self._filled_at_s) * self._rate
        self._left = min(float(self._rate), self._left + grown)
        self._filled_at_s = now_s
        if self._left >= 1.0:
            self._left -= 1.0
            return 0.0
        return (1.0 - self._left) / self._rate

    def give_back(self) -> None:
        """Return one that was not used."""
        self._left += 1.0


async def read_header(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> Origin:
    """Read the PROXY header off a socket, and not one byte more.

    Raises:
        NoHeaderError: There is none.
        OSError: The connection broke.
    """
    parser = HeaderParser()
    while parser.origin is None:
        data = await loop.sock_recv(sock, parser.wants)
        if not data:
            raise NoHeaderError("the connection ended")
        parser.feed(data)
    return parser.origin
