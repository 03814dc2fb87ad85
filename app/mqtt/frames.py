"""FrameDecoder: a stream of bytes in, packets out.

Theory: a chunk usually holds whole frames, so those are read where they lie and only payloads are
cut out. What is left at the end of a chunk is the beginning of one frame; it is kept, completed
with exactly the bytes it lacks, and read. So every byte is copied a fixed number of times whatever
the chunking, and never more than one frame is kept.

What a first byte may be depends on the end we are, the version, and whether CONNECT has come. That
is a table of 256 entries, chosen anew when CONNECT arrives, so that the loop asks one question
instead of six.

The decoder does not know sockets, sessions or the order of packets after CONNECT.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from app.mqtt import wire
from app.mqtt.errors import MalformedPacket, MQTTError, PacketTooLarge, ProtocolViolation
from app.mqtt.packet_type import (
    FROM_CLIENT_ONLY,
    FROM_SERVER_ONLY,
    MQTT_5,
    PacketType,
    allowed_flags,
    first_byte,
)
from app.mqtt.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from app.mqtt.packets.connect import read_version
from app.mqtt.packets.publish import decode_publish
from app.mqtt.properties import NO_PROPERTIES

Ack = type[Puback] | type[Pubrec] | type[Pubrel] | type[Pubcomp]

_DECODERS: Final[dict[PacketType, Callable[[int, bytes, int], Packet]]] = {
    PacketType.CONNECT: Connect.decode,
    PacketType.CONNACK: Connack.decode,
    PacketType.PUBLISH: Publish.decode,
    PacketType.PUBACK: Puback.decode,
    PacketType.PUBREC: Pubrec.decode,
    PacketType.PUBREL: Pubrel.decode,
    PacketType.PUBCOMP: Pubcomp.decode,
    PacketType.SUBSCRIBE: Subscribe.decode,
    PacketType.SUBACK: Suback.decode,
    PacketType.UNSUBSCRIBE: Unsubscribe.decode,
    PacketType.UNSUBACK: Unsuback.decode,
    PacketType.PINGREQ: Pingreq.decode,
    PacketType.PINGRESP: Pingresp.decode,
    PacketType.DISCONNECT: Disconnect.decode,
    PacketType.AUTH: Auth.decode,
}
_ACKS: Final[dict[int, Ack]] = {
    first_byte(ack.TYPE): ack for ack in (Puback, Pubrec, Pubrel, Pubcomp)
}

_REFUSED: Final = 0
_ORDINARY: Final = 1
_PUBLISH: Final = 2
_ACK: Final = 3
_KINDS: Final = {PacketType.PUBLISH: _PUBLISH}
_NOTHING: Final = bytearray()
"""Kept by every decoder that stands between two frames; nothing is written into it."""
_PLAIN_PUBLISH: Final = first_byte(PacketType.PUBLISH)
"""QoS 0, neither DUP nor RETAIN."""

_FOREIGN_PROPERTIES: Final = {
    # What one end only may send, by the receiving end: `server` first, then client.
    (True, PacketType.PUBLISH): "subscription_identifier",  # [MQTT-3.3.4-6]
    (False, PacketType.DISCONNECT): "session_expiry_interval",  # [MQTT-3.14.2-2]
}


class FrameDecoder:
    """Reads one connection's stream. After an error it stays in that error.

    Attributes:
        version: What the connection speaks: as given, or as the first CONNECT says (even one that
            is refused for another reason, so that it can be answered in its own version). Read
            only.
        error: What the peer did wrong, once it has; read only.
        pending: The bytes kept of an unfinished frame, never more than the maximum packet size plus 5;
            read only.
        max_packet_size: The greatest Remaining Length, in bytes, that is taken (EMQX counts without
            the fixed header too). May be changed at any time; it holds from the next frame on.
    """

    __slots__ = ("_kinds", "_missing", "_server", "error", "max_packet_size", "pending", "version")

    def __init__(
        self, max_packet_size: int, version: int | None = None, *, server: bool | None = None
    ) -> None:
        """Start at the beginning of a stream.

        Args:
            max_packet_size: See the class.
            version: What the connection speaks, if that is settled; else the first packet must be
                CONNECT.
            server: Whether we are the server. By default we are where the version is not settled: a
                client knows it.

        Raises:
            ValueError: A client that does not know its version.
        """
        self._server = version is None if server is None else server
        if version is None and not self._server:
            raise ValueError("a client knows the version it speaks")
        self.max_packet_size = max_packet_size
        self.version = version
        self.error: MQTTError | None = None
        self._kinds = _first_bytes(self._server, version)
        self.pending = _NOTHING
        self._missing = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes kept of an unfinished frame."""
        return len(self.pending)

    def take_back(self) -> bytes:
        """Return the kept beginning of a frame and forget it: whoever takes it feeds it again with what follows."""
        pending = bytes(self.pending)
        self.pending = _NOTHING
        self._missing = 0
        return pending

    def feed(self, data: bytes | bytearray | memoryview) -> list[Packet]:
        """Take the next bytes of the stream, whatever their number.

        Never raises. After each call look at `error`: when it is set, the packets returned are
        those before the fault, and all further bytes are ignored.
        """
        packets: list[Packet] = []
        if self.error is not None:
            return packets
        chunk = data if type(data) is bytes else bytes(data)
        try:
            pos = self._complete_pending(chunk, packets) if self.pending else 0
            self._read_frames(chunk, pos, packets)
        except MQTTError as error:
            self.error = error
            self.pending = _NOTHING
        return packets

    def _read_frames(self, data: bytes, pos: int, packets: list[Packet]) -> None:
        """Read all frames that lie whole in `data` from `pos`, and keep the rest."""
        end = len(data)
        kinds = self._kinds
        version = self.version or 0
        limit = self.max_packet_size
        while pos + 1 < end:
            first = data[pos]
            length = data[pos + 1]
            body = pos + 2
            kind = kinds[first]
            if not kind:
                raise self._refusal(first)
            if length > 0x7F:
                length, body = wire.try_varint(data, pos + 1)
            if length > limit:
                raise PacketTooLarge(f"Remaining Length {length} is above {limit}")
            pos_after = body + length
            if length < 0 or pos_after > end:
                break
            if kind == _PUBLISH:
                packet = decode_publish(first, data, body, pos_after, version)
                if packet.properties is not NO_PROPERTIES:
                    self._check_direction(packet)
                elif first == _PLAIN_PUBLISH and (
                    body == pos + 2 or (body == pos + 3 and length > 0x7F)
                ):
                    # Short frames are sent on as they came; one whose length takes more bytes than
                    # it needs is not, nor are long ones, where cutting costs what encoding does.
                    packet.frame = data[pos:pos_after]
                packets.append(packet)
            elif kind == _ACK and length == 2:
                packet_id = data[body] << 8 | data[body + 1]
                if not packet_id:
                    raise ProtocolViolation("packet identifier is 0")  # [MQTT-2.2.1-3]
                packets.append(_ACKS[first](packet_id))
            else:
                packets.append(self._read_ordinary(first, data[body:pos_after]))
                kinds = self._kinds
                version = self.version or 0
            pos = pos_after
        if pos < end:
            self._keep(data[pos:])

    def _read_ordinary(self, first: int, body: bytes) -> Packet:
        """Read a frame of which there are few."""
        packet_type = PacketType(first >> 4)
        if self.version is None:
            self.version = read_version(body)
            self._kinds = _first_bytes(self._server, self.version)
        packet = _DECODERS[packet_type](first & 0x0F, body, self.version)
        if isinstance(packet, Disconnect):
            self._check_direction(packet)
        return packet

    def _check_direction(self, packet: Publish | Disconnect) -> None:
        """Refuse a property that only our own end may send."""
        foreign = _FOREIGN_PROPERTIES.get((self._server, packet.TYPE))
        if foreign is not None and foreign in packet.properties:
            raise ProtocolViolation(f"{packet.TYPE.name} from the peer with {foreign}")

    def _keep(self, tail: bytes) -> None:
        """Keep the beginning of a frame, and work out how many bytes it lacks."""
        self.pending = bytearray(tail)
        self._missing = self._measure()

    def _measure(self) -> int:
        """Return how many bytes the kept frame lacks, -1 while its fixed header is not whole."""
        pending = self.pending
        if not self._kinds[pending[0]]:
            raise self._refusal(pending[0])
        length, body = wire.try_varint(pending, 1)
        if length < 0:
            return length
        if length > self.max_packet_size:
            raise PacketTooLarge(f"Remaining Length {length} is above {self.max_packet_size}")
        return body + length - len(pending)

    def _complete_pending(self, data: bytes, packets: list[Packet]) -> int:
        """Give the kept frame the bytes it lacks, and read it when it is whole.

        Returns:
            The position after the bytes taken.
        """
        pending = self.pending
        pos = 0
        while self._missing < 0:
            # Not even the fixed header is whole: at most four more bytes say how long the frame
            # will be.
            if pos == len(data):
                return pos
            pending.append(data[pos])
            pos += 1
            self._missing = self._measure()
        taken = data[pos : pos + self._missing]
        pending += taken
        self._missing -= len(taken)
        if not self._missing:
            self.pending = _NOTHING
            self._read_frames(bytes(pending), 0, packets)
        return pos + len(taken)

    def _refusal(self, first: int) -> MQTTError:
        """Say what is wrong with a first byte that is not allowed here."""
        number, flags = first >> 4, first & 0x0F
        if self.version is None and number != PacketType.CONNECT:
            return ProtocolViolation("the first packet is not CONNECT")  # [MQTT-3.1.0-1]
        if not number or (number == PacketType.AUTH and self.version != MQTT_5):
            return MalformedPacket(f"packet type {number} is reserved")
        packet_type = PacketType(number)
        if flags not in allowed_flags(packet_type, self.version or 0):
            return MalformedPacket(f"{packet_type.name} with flags 0x{flags:x}")
        return ProtocolViolation(f"the peer must not send {packet_type.name}")


@cache
def _first_bytes(server: bool, version: int | None) -> bytes:
    """Return, for each of the 256 first bytes, how a frame that begins so is read."""
    kinds = bytearray(256)
    if version is None:
        kinds[first_byte(PacketType.CONNECT)] = _ORDINARY
        return bytes(kinds)
    foreign = FROM_SERVER_ONLY if server else FROM_CLIENT_ONLY
    for packet_type in PacketType:
        if packet_type in foreign or (packet_type is PacketType.AUTH and version != MQTT_5):
            continue
        for flags in allowed_flags(packet_type, version):
            first = packet_type << 4 | flags
            kinds[first] = _ACK if first in _ACKS else _KINDS.get(packet_type, _ORDINARY)
    return bytes(kinds)
