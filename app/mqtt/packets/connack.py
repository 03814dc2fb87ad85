"""CONNACK: the server's answer to CONNECT."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from app.mqtt import wire
from app.mqtt.errors import MalformedPacket, ProtocolViolation
from app.mqtt.packet_type import MQTT_3_1, MQTT_5, PacketType, first_byte
from app.mqtt.packets.flags import require_flags
from app.mqtt.packets.reasons import require_reasons
from app.mqtt.properties import (
    NO_PROPERTIES,
    Properties,
    decode_properties,
    encode_properties,
    no_properties,
)
from app.mqtt.reason_codes import connack_v3, from_connack_v3


@dataclass(frozen=True, slots=True)
class Connack:
    """The client is let in, or not. `reason_code` is always MQTT 5's byte."""

    TYPE: ClassVar[PacketType] = PacketType.CONNACK

    session_present: bool
    reason_code: int
    properties: Properties = field(default_factory=no_properties)

    def encode(self, version: int) -> bytes:
        """Return the whole frame; 3.x versions get the return code that says the reason best."""
        reason = self.reason_code
        # A refusal never speaks of a session [MQTT-3.2.2-6], and MQTT 3.1 has no such flag.
        present = self.session_present and not reason and version != MQTT_3_1
        if version != MQTT_5:
            return wire.encode_frame(
                first_byte(PacketType.CONNACK), bytes((present, connack_v3(reason)))
            )
        return wire.encode_frame(
            first_byte(PacketType.CONNACK),
            bytes((present, reason)) + encode_properties(self.properties, PacketType.CONNACK),
        )

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Connack:
        """Read a body; a 3.x return code becomes the reason that it means."""
        require_flags(PacketType.CONNACK, flags, version)
        acknowledge_flags, pos = wire.read_byte(body, 0)
        reason, pos = wire.read_byte(body, pos)
        if version == MQTT_3_1:
            acknowledge_flags = 0
        if acknowledge_flags > 1:
            raise MalformedPacket("reserved connect acknowledge flag is set")  # [MQTT-3.2.2-1]
        require_reasons((reason,), PacketType.CONNACK, version)
        if acknowledge_flags and reason:
            raise ProtocolViolation("session present in a refusal")  # [MQTT-3.2.2-6]
        properties = NO_PROPERTIES
        if version == MQTT_5:
            properties, pos = decode_properties(body, pos, PacketType.CONNACK)
        else:
            reason = from_connack_v3(reason)
        wire.require_end(body, pos)
        return cls(bool(acknowledge_flags), reason, properties)
