"""AUTH: a step of enhanced authentication; MQTT 5 only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from app.mqtt import wire
from app.mqtt.errors import MalformedPacket, ProtocolViolation
from app.mqtt.packet_type import MQTT_5, PacketType, first_byte
from app.mqtt.packets.flags import require_flags
from app.mqtt.packets.reasons import read_reason
from app.mqtt.properties import Properties, decode_properties, encode_properties, no_properties


@dataclass(frozen=True, slots=True)
class Auth:
    """Either side goes on with an authentication, or the client begins it anew."""

    TYPE: ClassVar[PacketType] = PacketType.AUTH

    reason_code: int = 0
    properties: Properties = field(default_factory=no_properties)

    def encode(self, version: int = MQTT_5) -> bytes:
        """Return the whole frame, in the shortest form that says it all (MQTT 5, 3.15.2.1)."""
        first = first_byte(PacketType.AUTH)
        if not (self.reason_code or self.properties):
            return wire.encode_frame(first, b"")
        body = wire.encode_byte(self.reason_code)
        body += encode_properties(self.properties, PacketType.AUTH)
        return wire.encode_frame(first, body)

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Auth:
        """Read a body; only an empty one may leave out the authentication method.

        Raises:
            MalformedPacket: The version has no AUTH.
            ProtocolViolation: There is no authentication method.
        """
        if version != MQTT_5:
            raise MalformedPacket("packet type 15 is reserved before MQTT 5")
        require_flags(PacketType.AUTH, flags, version)
        if not body:
            return cls()
        reason, pos = read_reason(body, 0, PacketType.AUTH)
        properties, pos = decode_properties(body, pos, PacketType.AUTH)
        wire.require_end(body, pos)
        if "authentication_method" not in properties:
            raise ProtocolViolation("AUTH without authentication method")
        return cls(reason, properties)
