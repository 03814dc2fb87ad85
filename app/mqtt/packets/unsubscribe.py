"""UNSUBSCRIBE and UNSUBACK."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from app.mqtt import wire
from app.mqtt.errors import ProtocolViolation
from app.mqtt.packet_type import MQTT_5, PacketType, first_byte
from app.mqtt.packets.flags import require_flags
from app.mqtt.packets.reasons import require_reasons
from app.mqtt.properties import (
    NO_PROPERTIES,
    Properties,
    decode_properties,
    encode_properties,
    no_properties,
)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """A client gives up subscriptions, at least one."""

    TYPE: ClassVar[PacketType] = PacketType.UNSUBSCRIBE

    packet_id: int
    topic_filters: tuple[str, ...]
    properties: Properties = field(default_factory=no_properties)

    def encode(self, version: int) -> bytes:
        """Return the whole frame."""
        parts = [wire.encode_u16(self.packet_id)]
        if version == MQTT_5:
            parts.append(encode_properties(self.properties, PacketType.UNSUBSCRIBE))
        parts.extend(map(wire.encode_utf8, self.topic_filters))
        return wire.encode_frame(first_byte(PacketType.UNSUBSCRIBE), b"".join(parts))

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Unsubscribe:
        """Read a body."""
        require_flags(PacketType.UNSUBSCRIBE, flags, version)
        packet_id, pos = wire.read_packet_id(body, 0)
        properties = NO_PROPERTIES
        if version == MQTT_5:
            properties, pos = decode_properties(body, pos, PacketType.UNSUBSCRIBE)
        if pos == len(body):
            raise ProtocolViolation("UNSUBSCRIBE without topic filters")  # [MQTT-3.10.3-2]
        topic_filters = []
        while pos < len(body):
            topic_filter, pos = wire.read_utf8(body, pos)
            topic_filters.append(topic_filter)
        return cls(packet_id, tuple(topic_filters), properties)


@dataclass(frozen=True, slots=True)
class Unsuback:
    """The server's answer to UNSUBSCRIBE; `reason_codes`, one for each filter, are MQTT 5's."""

    TYPE: ClassVar[PacketType] = PacketType.UNSUBACK

    packet_id: int
    reason_codes: tuple[int, ...] = ()
    properties: Properties = field(default_factory=no_properties)

    def encode(self, version: int) -> bytes:
        """Return the whole frame; 3.x versions send the packet identifier only."""
        body = wire.encode_u16(self.packet_id)
        if version == MQTT_5:
            body += encode_properties(self.properties, PacketType.UNSUBACK)
            body += bytes(self.reason_codes)
        return wire.encode_frame(first_byte(PacketType.UNSUBACK), body)

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Unsuback:
        """Read a body."""
        require_flags(PacketType.UNSUBACK, flags, version)
        packet_id, pos = wire.read_packet_id(body, 0)
        if version != MQTT_5:
            wire.require_end(body, pos)
            return cls(packet_id)
        properties, pos = decode_properties(body, pos, PacketType.UNSUBACK)
        codes = tuple(body[pos:])
        if not codes:
            raise ProtocolViolation("UNSUBACK without reason codes")
        require_reasons(codes, PacketType.UNSUBACK, version)
        return cls(packet_id, codes, properties)
