"""MQTT over WebSocket: the sans-I/O core of `websockets` between the socket and the channel.

[MQTT-6.0.0-1] binary frames only; [MQTT-6.0.0-2] packets need not be aligned on frames; [MQTT-6.0.0-3] and
[MQTT-6.0.0-4] the sub-protocol is `mqtt` (`mqttv3.1` for MQTT 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from app.broker.connection import FORCE_CLOSE_AFTER_S, Connection, Door
from app.broker.lane import CLOSED
from app.broker.proxy_protocol import Origin

SUBPROTOCOLS = tuple(
    map(
        Subprotocol,
        # The standards' two, what other brokers' clients send, and EMQX's own.
        ("mqtt", "mqttv3.1", "mqttv3.1.1", "mqttv5", "mqtt-v3", "mqtt-v3.1.1", "mqtt-v5"),
    )
)
FORWARDING_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
FRAME_OVERHEAD = 64 * 1024
"""A frame may hold a largest packet and some small ones around it."""


class Handshake(ServerProtocol):
    """The protocol, with our choice of a sub-protocol."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Choose the client's first that is MQTT; none at all is let pass, as browsers' tools send none."""
        if not subprotocols:
            return None
        for subprotocol in subprotocols:
            if subprotocol in SUBPROTOCOLS:
                return subprotocol
        raise NegotiationError("no MQTT sub-protocol; offer Sec-WebSocket-Protocol: mqtt")


class WebSocketConnection(Connection):
    """One WebSocket connection that speaks MQTT."""

    __slots__ = ("protocol",)

    def __init__(self, listener: Door, origin: Origin | None = None) -> None:
        """Wait for the socket and the opening handshake."""
        super().__init__(listener, origin)
        self.protocol = Handshake(
            subprotocols=SUBPROTOCOLS, max_size=listener.max_packet_size + FRAME_OVERHEAD
        )

    def data_received(self, data: bytes) -> None:
        """Take bytes off the socket: handshake, then frames."""
        self.count_received(len(data))
        if self.protocol.state is not State.CONNECTING:
            self._take(data)
        elif not self.listener.admission.let_in(partial(self._shake, data)):
            self.stall()

    def _shake(self, data: bytes) -> None:
        """Take what a newcomer sent before it had its turn."""
        self.stalled = False
        if not self.closing:
            self._take(data)
            self._resume_reading()

    def _take(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take_frame(event)
        self._send_protocol_data()
        if self.protocol.close_expected() and not self.closing:
            self._finish()

    def eof_received(self) -> bool:
        """Tell the protocol that no more will come."""
        self.protocol.receive_eof()
        return super().eof_received()

    def _shake_hands(self, request: Request) -> None:
        if self.protocol.eof_sent:
            # What came behind the request in its segment has ended the protocol: no answer may follow.
            return
        if is_from_elsewhere(request.headers):
            self.channel.client.from_elsewhere = True
        path = request.path.partition("?")[0]
        if path.rstrip("/") != self.listener.config.mqtt_path.rstrip("/"):
            message = f"MQTT is at {self.listener.config.mqtt_path}\n"
            response = self.protocol.reject(HTTPStatus.NOT_FOUND, message)
        else:
            response = self.protocol.accept(request)
        name_no_server(response.headers)
        self.protocol.send_response(response)

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.BINARY, Opcode.CONT):
            self.feed(bytes(frame.data))
        elif frame.opcode is Opcode.TEXT:  # [MQTT-6.0.0-1]
            self.express = CLOSED
            self.protocol.fail(CloseCode.UNSUPPORTED_DATA, "MQTT wants binary frames")
            self.channel.end("frame_error")

    def flush(self) -> None:
        """Give everything to the transport, in one frame."""
        if not self.out or self.transport is None:
            return
        data = b"".join(self.out)
        self.out.clear()
        self.out_size = 0
        if self.gate or self.held is not None:
            self._keep_back(data)
        else:
            self.transmit(data)

    def transmit(self, data: bytes) -> None:
        """Send bytes in one frame."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_binary(data)
            self._send_protocol_data()
        if self.channel.congested:
            self._look_again()

    def _send_protocol_data(self) -> None:
        counters = self.channel.counters
        for chunk in self.protocol.data_to_send():
            if chunk and self.transport is not None:
                counters.send_oct += len(chunk)
                counters.send_cnt += 1
                self.channel.metrics.bytes_sent += len(chunk)
                self.transport.write(chunk)

    def close(self) -> None:
        """Send what is left to send and a close frame, then close."""
        if self.closing:
            return
        self.flush()
        if self.held is None:
            self.end_transport(lingers=True)
            return
        self.closing = True
        self.express = CLOSED
        # The last words wait for the storage, but not for ever.
        self.loop.call_later(FORCE_CLOSE_AFTER_S, self.abort)

    def end_transport(self, *, lingers: bool) -> None:
        """Send a close frame, then close."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(CloseCode.NORMAL_CLOSURE)
        # Or the answer to the client's own close frame, where that came in the same segment as the end.
        self._send_protocol_data()
        self._finish()

    def _finish(self) -> None:
        """Give the peer a moment to end the connection, then end it."""
        self.closing = True
        self.express = CLOSED
        self.out.clear()
        self.held = None
        if self.transport is not None:
            if self.protocol.state is State.CONNECTING:
                self.transport.close()
            else:
                self.loop.call_later(FORCE_CLOSE_AFTER_S, self.abort)
                self.transport.close()


def is_from_elsewhere(headers: Headers) -> bool:
    """Tell whether somebody else is behind the socket: a proxy's client, or a page of another site.

    A proxy on this machine must not make the world local, and any page that a browser here shows can open a
    WebSocket to this machine; its Origin gives it away.
    """
    if any(header in headers for header in FORWARDING_HEADERS):
        return True
    origin = headers.get("Origin")
    return origin is not None and not is_loopback_name(urlsplit(origin).hostname or "")


def is_loopback_name(name: str) -> bool:
    """Tell whether a host name means this machine whoever resolves it."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def name_no_server(headers: Headers) -> None:
    """Tell as little of the server as the handshake allows."""
    if "Server" in headers:
        del headers["Server"]
