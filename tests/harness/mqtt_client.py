"""A blocking MQTT client that does nothing by itself, so that a test says every packet.

It knows packets (`app.mqtt`) and one socket. Nothing is acknowledged, answered or repeated unless
the test does it, and whatever is sent may be wrong on purpose.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_3_1,
    MQTT_5,
    PINGREQ,
    PINGRESP,
    Connack,
    Connect,
    Packet,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
    Will,
)
from app.mqtt.properties import NO_PROPERTIES, Properties

DEADLINE_S: Final = 5.0
_LARGEST: Final = 268_435_455
_CHUNK: Final = 65_536


class ClosedByBrokerError(AssertionError):
    """A packet was expected and the connection ended."""


class MqttClient:
    """One connection, in one protocol version."""

    def __init__(self, address: tuple[str, int], version: int = MQTT_5) -> None:
        """Open the socket; CONNECT is for the caller to send."""
        self.version = version
        self._socket = socket.create_connection(address, DEADLINE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = FrameDecoder(_LARGEST, version, server=False)
        self._arrived: deque[Packet] = deque()
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, *packets: Packet | bytes) -> None:
        """Send packets, or raw bytes, in one write."""
        frames = (p if isinstance(p, bytes) else p.encode(self.version) for p in packets)
        self._socket.sendall(b"".join(frames))

    def receive(self, deadline_s: float = DEADLINE_S) -> Packet:
        """Return the next packet.

        Raises:
            ClosedByBrokerError: The broker closed the connection.
            TimeoutError: Nothing came in time.
            AssertionError: What came is not MQTT.
        """
        if not self._fill(deadline_s):
            raise ClosedByBrokerError("the broker closed the connection")
        return self._arrived.popleft()

    def expect(self, *packets: object, deadline_s: float = DEADLINE_S) -> None:
        """Receive exactly these packets, in this order."""
        for expected in packets:
            got = self.receive(deadline_s)
            assert expected == got, f"expected {expected}, got {got}"

    def expect_closed(self, deadline_s: float = DEADLINE_S) -> None:
        """Require that the broker closes the connection without another packet."""
        assert not self._fill(deadline_s), f"expected a close, got {self._arrived[0]}"

    def expect_silence(self) -> None:
        """Require that nothing was sent to us that the broker had to send until now.

        A ping is answered behind everything older, so no time needs to pass.
        """
        self.send(PINGREQ)
        self.expect(PINGRESP)

    def connect(
        self,
        clientid: str = "",
        *,
        clean_start: bool = True,
        keepalive: int = 0,
        username: str | None = None,
        password: bytes | None = None,
        will: Will | None = None,
        properties: Properties = NO_PROPERTIES,
    ) -> Connack:
        """Send CONNECT and return the answer, whatever it says."""
        name = "MQIsdp" if self.version == MQTT_3_1 else "MQTT"
        self.send(
            Connect(
                name,
                self.version,
                clean_start,
                keepalive,
                clientid,
                username,
                password,
                will,
                properties,
            )
        )
        answer = self.receive()
        assert isinstance(answer, Connack), answer
        return answer

    def subscribe(self, topic_filter: str, qos: int = 0, packet_id: int = 1) -> None:
        """Subscribe to one filter and require that its QoS is granted."""
        self.send(Subscribe(packet_id, (SubscribeFilter(topic_filter, qos),)))
        self.expect(Suback(packet_id, (qos,)))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait for the answer: then the message has been routed."""
        self.send(Publish(topic, payload, 1, retain, packet_id=1))
        answer = self.receive()
        assert isinstance(answer, Puback), answer

    def close(self) -> None:
        """Close the socket without a word, as a client that crashed."""
        self._socket.close()

    def _fill(self, deadline_s: float) -> bool:
        """Wait for a packet; False when the connection has ended and none is left."""
        until = time.monotonic() + deadline_s
        while not self._arrived and not self._ended:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"nothing came from the broker within {deadline_s} s")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(_CHUNK)
            except ConnectionResetError:
                data = b""
            self._ended = not data
            self._arrived.extend(self._decoder.feed(data))
            error = self._decoder.error
            assert error is None, f"the broker sent what a client must refuse: {error}"
        return bool(self._arrived)
