"""DISCONNECT: the last packet of a connection; in MQTT 5 the server sends it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from app.mqtt import wire
from app.mqtt.packet_type import MQTT_5, PacketType, first_byte
from app.mqtt.packets.flags import require_flags
from app.mqtt.packets.reasons import read_reason
from app.mqtt.properties import (
    NO_PROPERTIES,
    Properties,
    decode_properties,
    encode_properties,
    no_properties,
)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The sender closes the connection; 3.x versions give no reason."""

    TYPE: ClassVar[PacketType] = PacketType.DISCONNECT

    reason_code: int = 0
    properties: Properties = field(default_factory=no_properties)

    def encode(self, version: int) -> bytes:
        """Return the whole frame, in the shortest form that says it all (MQTT 5, 3.14.2.1)."""
        first = first_byte(PacketType.DISCONNECT)
        if version != MQTT_5 or not (self.reason_code or self.properties):
            return wire.encode_frame(first, b"")
        body = wire.encode_byte(self.reason_code)
        if self.properties:
            body += encode_properties(self.properties, PacketType.DISCONNECT)
        return wire.encode_frame(first, body)

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Disconnect:
        """Read a body; MQTT 5 may leave out the property list, and the reason code when it is 0."""
        require_flags(PacketType.DISCONNECT, flags, version)
        reason = pos = 0
        properties = NO_PROPERTIES
        if version == MQTT_5 and body:
            reason, pos = read_reason(body, pos, PacketType.DISCONNECT)
            if pos < len(body):
                properties, pos = decode_properties(body, pos, PacketType.DISCONNECT)
        wire.require_end(body, pos)
        return cls(reason, properties)
