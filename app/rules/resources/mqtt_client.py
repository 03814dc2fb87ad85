"""An MQTT client on our own codec: it publishes and subscribes, and connects again for as long as it is wanted.

Theory: `publish` returns when the other broker has taken the message: at once at QoS 0, after PUBACK or PUBCOMP above.
What is not acknowledged when a connection ends is sent again over the next one, in the order in which it was first sent
[MQTT-4.4.0-1] [MQTT-4.6.0-1]; at QoS 2 the exchange goes on where it stood, if the other broker still has the session.
Who publishes while there is no connection waits for one; how many may wait is for the caller to limit.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from app.mqtt.errors import MQTTError
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_5,
    PINGREQ,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
)
from app.mqtt.packets.connect import PROTOCOL_NAMES
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.mqtt.reason_codes import ReasonCode
from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.resources.mqtt_inbound import NOBODY, Inbound, Receiver

logger = logging.getLogger(__name__)
T = TypeVar("T")

INFLIGHT = 32
"""Messages that wait for their acknowledgement at once; a server may allow fewer."""
MAX_PACKET_BYTES = 1_048_576
"""Of what a server sends us, where nothing else is said."""
SESSION_EXPIRY_S = 7_200
CONNECT_TIMEOUT_S = 10.0
_LAST_PACKET_ID = 65_535
_REFUSED_FROM = 0x80
_CLOSED = "the client is closed"


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Where to connect to, as whom, and how."""

    host: str
    port: int
    clientid: str
    proto_ver: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive_s: int = 60
    reconnect_interval_s: float = 30.0
    retry_interval_s: float = 20.0
    """How long an acknowledgement may take before the connection is taken for dead."""
    is_bridge: bool = False
    clean_start: bool = False
    """Whether the other broker forgets us whenever a connection ends."""
    max_inflight: int = INFLIGHT
    max_packet_bytes: int = MAX_PACKET_BYTES
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


@dataclass(slots=True)
class _Flight:
    """A message that is not acknowledged."""

    packet: Publish
    answer: asyncio.Future[None]
    sent_at_s: float
    is_released: bool = False
    """Whether PUBREC has come, and PUBREL was the answer."""


class _Line(asyncio.Protocol):
    """One connection: its bytes, and nothing of what they mean."""

    def __init__(self, client: MqttClient) -> None:
        self._client = client
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of a family of their own.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._client.on_data(self, data)

    def pause_writing(self) -> None:
        self._client.on_congestion(is_congested=True)

    def resume_writing(self) -> None:
        self._client.on_congestion(is_congested=False)

    def connection_lost(self, _error: Exception | None) -> None:
        self._client.on_lost(self)


class MqttClient:
    """One client of another broker. To be used on the loop."""

    def __init__(
        self,
        options: ClientOptions,
        on_change: Callable[[], None],
        receiver: Receiver = NOBODY,
    ) -> None:
        """Be ready; `run` connects.

        Args:
            options: Where to and as whom.
            on_change: Called when it has become connected, or has not.
            receiver: Takes the messages that come.
        """
        self._options = options
        self._on_change = on_change
        self._decoder = FrameDecoder(options.max_packet_bytes, options.proto_ver)
        self._line: _Line | None = None
        self._connack: asyncio.Future[Connack] | None = None
        self._lost = asyncio.Event()
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._is_congested = False
        self._flights: dict[int, _Flight] = {}
        self._next_id = 0
        self._server: Properties = NO_PROPERTIES
        self._heard_at_s = 0.0
        self._is_closed = False
        self.is_connected = False
        self.inbound = Inbound(
            options.clientid, options.proto_ver, self._say, self._free_id, receiver
        )

    # -- life ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, and connect again whenever the connection is gone; ends only by being cancelled."""
        pause_s = min(1.0, self._options.reconnect_interval_s)
        try:
            while True:
                try:
                    await self.connect()
                except ResourceDown as error:
                    logger.debug("%s: %s", self._options.clientid, error)
                    self._on_change()
                else:
                    pause_s = min(1.0, self._options.reconnect_interval_s)
                    await self._stay()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._options.reconnect_interval_s)
        finally:
            self.disconnect()

    async def connect(self) -> None:
        """Connect once.

        Raises:
            ResourceDown: There is no connection, and why.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connack = await self._handshake()
        except TimeoutError:
            self._hang_up()
            raise ResourceDown(f"no answer within {CONNECT_TIMEOUT_S:g} s") from None
        except OSError as error:
            self._hang_up()
            raise ResourceDown(error.strerror or str(error)) from None
        if connack.reason_code:
            self._hang_up()
            raise ResourceDown(f"the broker refused: {ReasonCode(connack.reason_code).name}")
        self._on_change()

    async def _handshake(self) -> Connack:
        options = self._options
        loop = asyncio.get_running_loop()
        self._decoder = FrameDecoder(options.max_packet_bytes, options.proto_ver)
        self._connack = loop.create_future()
        self._lost = asyncio.Event()
        line = _Line(self)
        self._line = line
        name = (options.server_name or options.host) if options.tls is not None else None
        await loop.create_connection(
            lambda: line, options.host, options.port, ssl=options.tls, server_hostname=name
        )
        self._heard_at_s = loop.time()
        self._send(self._connect_packet())
        return await self._connack

    def _connect_packet(self) -> Connect:
        options = self._options
        properties = NO_PROPERTIES
        if options.proto_ver == MQTT_5:
            properties = Properties(maximum_packet_size=options.max_packet_bytes)
            if not options.clean_start:
                properties["session_expiry_interval"] = SESSION_EXPIRY_S
        return Connect(
            proto_name=PROTOCOL_NAMES[options.proto_ver],
            proto_ver=options.proto_ver,
            clean_start=options.clean_start,
            keepalive=options.keepalive_s,
            clientid=options.clientid,
            username=options.username,
            password=options.password.encode() if options.password is not None else None,
            properties=properties,
            is_bridge=options.is_bridge and options.proto_ver != MQTT_5,
        )

    async def _stay(self) -> None:
        """Watch over the connection until it is gone."""
        loop = asyncio.get_running_loop()
        keepalive_s = self._server.get("server_keep_alive", self._options.keepalive_s)
        look_s = min(keepalive_s / 3 or 60.0, self._options.retry_interval_s)
        pinged_at_s = loop.time()
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(look_s):
                    await self._lost.wait()
            except TimeoutError:
                pass
            now_s = loop.time()
            if keepalive_s and now_s - pinged_at_s >= keepalive_s / 2:
                pinged_at_s = now_s
                self._send(PINGREQ)
            silent = bool(keepalive_s) and now_s - self._heard_at_s > 1.5 * keepalive_s
            if silent or self._is_overdue(now_s):
                logger.debug("%s: the other broker is silent", self._options.clientid)
                self._hang_up()

    def _is_overdue(self, now_s: float) -> bool:
        oldest = next(iter(self._flights.values()), None)
        return oldest is not None and now_s - oldest.sent_at_s > self._options.retry_interval_s

    def disconnect(self) -> None:
        """Say goodbye and hang up; whoever waits for an acknowledgement is told that none will come."""
        if self.is_connected:
            self._send(Disconnect())
        self._hang_up()
        self._is_closed = True
        self._changed.set()
        flights, self._flights = self._flights, {}
        for flight in flights.values():
            _refuse(flight.answer, TryAgain(_CLOSED))

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        self._set_lost()
        if line is not None and line.transport is not None:
            line.transport.close()

    def _set_lost(self) -> None:
        was_connected, self.is_connected = self.is_connected, False
        self._lost.set()
        if self._connack is not None:
            _refuse(self._connack, ConnectionResetError("the connection was closed"))
        if was_connected:
            self._on_change()

    # -- what the connection tells ---------------------------------------------------------------

    def on_lost(self, line: _Line) -> None:
        """Take note that a connection has ended."""
        if line is self._line:
            self._line = None
            self._set_lost()

    def on_congestion(self, *, is_congested: bool) -> None:
        """Take note that the other broker reads slower than we write, or does no longer."""
        self._is_congested = is_congested
        self._changed.set()

    def on_data(self, line: _Line, data: bytes) -> None:
        """Take what the other broker sends."""
        if line is not self._line:
            return
        self._heard_at_s = asyncio.get_running_loop().time()
        for packet in self._decoder.feed(data):
            self._take(packet)
        error: MQTTError | None = self._decoder.error
        if error is not None:
            logger.warning("%s: the other broker sent rubbish: %s", self._options.clientid, error)
            self._hang_up()

    def _take(self, packet: Packet) -> None:
        match packet:
            case Connack() if self._connack is not None and not self._connack.done():
                self._connack.set_result(packet)
                if not packet.reason_code:
                    self._begin_anew(packet)
            case Puback() | Pubcomp():
                self._settle(packet.packet_id, packet.reason_code)
            case Pubrec():
                self._received(packet)
            case Disconnect():
                self._hang_up()
            case Publish():
                self.inbound.take(packet)
            case Pubrel():
                self.inbound.release(packet)
            case Suback():
                self.inbound.answered(packet)
            case Pingresp() | _:
                pass

    def _begin_anew(self, connack: Connack) -> None:
        """Go on with what was under way; at once, as messages may stand right behind CONNACK."""
        self._server = connack.properties
        self.is_connected = True
        self._is_congested = False
        self._resume(session_present=connack.session_present)
        self.inbound.resume(session_present=connack.session_present)
        self._changed.set()

    def _received(self, packet: Pubrec) -> None:
        flight = self._flights.get(packet.packet_id)
        if packet.reason_code >= _REFUSED_FROM:
            self._settle(packet.packet_id, packet.reason_code)
            return
        if flight is not None:
            flight.is_released = True
            flight.sent_at_s = asyncio.get_running_loop().time()
        self._send(Pubrel(packet.packet_id))

    def _settle(self, packet_id: int, reason_code: int) -> None:
        flight = self._flights.pop(packet_id, None)
        self._changed.set()
        if flight is None:
            return
        if reason_code >= _REFUSED_FROM:
            name = ReasonCode(reason_code).name
            _refuse(flight.answer, ActionFailed(f"the other broker refused: {name}"))
        elif not flight.answer.done():
            flight.answer.set_result(None)

    # -- publishing --------------------------------------------------------------------------------

    async def publish(self, packet: Publish) -> None:
        """Publish, and wait until the other broker has taken it.

        Args:
            packet: Without packet identifier; never changed.

        Raises:
            TryAgain: The client is closed.
            ActionFailed: The other broker refuses it.
        """
        answer = await self.begin(packet)
        if answer is not None:
            await answer

    async def begin(self, packet: Publish) -> asyncio.Future[None] | None:
        """Publish when there is room for it, and return what tells that the other broker has taken it.

        Args:
            packet: Without packet identifier; never changed.

        Returns:
            None at QoS 0. Else a future, which raises as `publish` does.

        Raises:
            TryAgain: The client is closed.
            ActionFailed: The packet is too large for the other broker.
        """
        # One at a time, in the order in which they asked: a lock is fair, an event is not.
        async with self._turn:
            while not self._has_room():
                if self._is_closed:
                    raise TryAgain(_CLOSED)
                self._changed.clear()
                await self._changed.wait()
            return self._begin(packet)

    def _has_room(self) -> bool:
        if not self.is_connected or self._is_congested:
            return False
        most = self._options.max_inflight
        return len(self._flights) < min(most, self._server.get("receive_maximum", most))

    def _begin(self, packet: Publish) -> asyncio.Future[None] | None:
        qos = min(packet.qos, self._server.get("maximum_qos", 2))
        retain = packet.retain and bool(self._server.get("retain_available", 1))
        packet_id = self._free_id() if qos else None
        wanted = Publish(
            packet.topic, packet.payload, qos, retain, False, packet_id, packet.properties
        )
        frame = wanted.encode(self._options.proto_ver)
        most = self._server.get("maximum_packet_size")
        if most is not None and len(frame) > most:
            raise ActionFailed(f"the other broker takes no packet of {len(frame)} bytes")
        self._write(frame)
        if packet_id is None:
            return None
        loop = asyncio.get_running_loop()
        flight = _Flight(wanted, loop.create_future(), loop.time())
        self._flights[packet_id] = flight
        return flight.answer

    def _free_id(self) -> int:
        while True:
            self._next_id = self._next_id % _LAST_PACKET_ID + 1
            if self._next_id not in self._flights and not self.inbound.is_in_use(self._next_id):
                return self._next_id

    def _resume(self, *, session_present: bool) -> None:
        """Send again what was not acknowledged over the connection before."""
        now_s = asyncio.get_running_loop().time()
        for packet_id, flight in list(self._flights.items()):
            flight.sent_at_s = now_s
            if flight.is_released and not session_present:
                # It was taken, and who would have said so has forgotten it.
                self._settle(packet_id, 0)
            elif flight.is_released:
                self._send(Pubrel(packet_id))
            else:
                flight.packet.dup = session_present
                self._send(flight.packet)

    def _say(self, packet: Packet) -> None:
        if self.is_connected:
            self._send(packet)

    def _send(self, packet: Packet) -> None:
        self._write(packet.encode(self._options.proto_ver))

    def _write(self, data: bytes) -> None:
        if self._line is not None and self._line.transport is not None:
            self._line.transport.write(data)


def _refuse(answer: asyncio.Future[T], error: Exception) -> None:
    """Have whoever waits for an answer hear of an error; nobody need be waiting."""
    if not answer.done():
        answer.set_exception(error)
        answer.exception()
