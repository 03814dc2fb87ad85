"""What a peer can do wrong, as exceptions that carry the reason code to answer with.

    MQTTError
    +-- MalformedPacket      the bytes cannot be read as a packet
    +-- ProtocolViolation    a packet was read, and the standard forbids it
        +-- PacketTooLarge   it is longer than we agreed to take

These are the peer's faults only. A wrong call of our own encoders is a plain `ValueError` or
`OverflowError`.
"""

from __future__ import annotations

from typing import ClassVar

from app.mqtt.reason_codes import ReasonCode


class MQTTError(Exception):
    """A fault of the peer: `reason` is for the wire, `detail` is one line for people."""

    DEFAULT_REASON: ClassVar[ReasonCode] = ReasonCode.UNSPECIFIED_ERROR

    def __init__(self, detail: str, reason: ReasonCode | None = None) -> None:
        """Keep the detail, and the reason where it is not the class's own."""
        super().__init__(detail)
        self.detail = detail
        self.reason = self.DEFAULT_REASON if reason is None else reason

    def __str__(self) -> str:
        """Return the detail and the reason's name."""
        return f"{self.detail} ({self.reason.name.lower()})"


class MalformedPacket(MQTTError):
    """Bytes that cannot be parsed according to the standard (MQTT 5, section 4.13.1)."""

    DEFAULT_REASON = ReasonCode.MALFORMED_PACKET


class ProtocolViolation(MQTTError):
    """A packet that can be read and is not allowed (MQTT 5, section 4.13.1)."""

    DEFAULT_REASON = ReasonCode.PROTOCOL_ERROR


class PacketTooLarge(ProtocolViolation):
    """A packet longer than the receiver's maximum."""

    DEFAULT_REASON = ReasonCode.PACKET_TOO_LARGE
