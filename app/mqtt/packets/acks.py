"""PUBACK, PUBREC, PUBREL, PUBCOMP: the steps of acknowledging a PUBLISH, alike but for the type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from app.mqtt import wire
from app.mqtt.packet_type import MQTT_5, PacketType, first_byte
from app.mqtt.packets.flags import require_flags
from app.mqtt.packets.reasons import read_reason
from app.mqtt.properties import NO_PROPERTIES, Properties, decode_properties, encode_properties


@dataclass(slots=True, init=False)
class _PublishAck:
    """What the four have in common. Not frozen, for speed; treat it as frozen all the same."""

    TYPE: ClassVar[PacketType]

    packet_id: int
    reason_code: int
    properties: Properties

    def __init__(
        self, packet_id: int, reason_code: int = 0, properties: Properties = NO_PROPERTIES
    ) -> None:
        """Keep the fields; 3.x versions send the packet identifier only."""
        self.packet_id = packet_id
        self.reason_code = reason_code
        self.properties = properties

    def encode(self, version: int) -> bytes:
        """Return the whole frame, in the shortest form that says it all (MQTT 5, 3.4.2.1)."""
        first = first_byte(self.TYPE)
        if version != MQTT_5 or not (self.reason_code or self.properties):
            return (first << 24 | 2 << 16 | self.packet_id).to_bytes(4, "big")
        body = wire.encode_u16(self.packet_id) + wire.encode_byte(self.reason_code)
        if self.properties:
            body += encode_properties(self.properties, self.TYPE)
        return wire.encode_frame(first, body)

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Self:
        """Read a body; MQTT 5 may leave out the property list, and the reason code when it is 0."""
        require_flags(cls.TYPE, flags, version)
        packet_id, pos = wire.read_packet_id(body, 0)
        reason = 0
        properties = NO_PROPERTIES
        if version == MQTT_5 and pos < len(body):
            reason, pos = read_reason(body, pos, cls.TYPE)
            if pos < len(body):
                properties, pos = decode_properties(body, pos, cls.TYPE)
        wire.require_end(body, pos)
        return cls(packet_id, reason, properties)


class Puback(_PublishAck):
    """A PUBLISH of QoS 1 has arrived."""

    __slots__ = ()
    TYPE: ClassVar[PacketType] = PacketType.PUBACK


class Pubrec(_PublishAck):
    """A PUBLISH of QoS 2 has arrived; the first of three answers."""

    __slots__ = ()
    TYPE: ClassVar[PacketType] = PacketType.PUBREC


class Pubrel(_PublishAck):
    """The sender of a QoS 2 PUBLISH has seen PUBREC and will not send it again."""

    __slots__ = ()
    TYPE: ClassVar[PacketType] = PacketType.PUBREL


class Pubcomp(_PublishAck):
    """A QoS 2 PUBLISH is done with."""

    __slots__ = ()
    TYPE: ClassVar[PacketType] = PacketType.PUBCOMP
