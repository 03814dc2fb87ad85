"""SUBSCRIBE and SUBACK.

Whether a topic filter is valid is not asked here: the broker answers each filter on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

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
from app.mqtt.topic import SHARE_PREFIX

_QOS: Final = 0x03
_NO_LOCAL: Final = 0x04
_RETAIN_AS_PUBLISHED: Final = 0x08
_RETAIN_HANDLING_SHIFT: Final = 4
_RESERVED: Final = 0xC0
_FAILURE_V3: Final = 0x80


@dataclass(frozen=True, slots=True)
class SubscribeFilter:
    """One filter and its options; all but `qos` are MQTT 5's.

    `retain_handling`: 0 sends retained messages, 1 only if the subscription is new, 2 never.
    """

    topic_filter: str
    qos: int
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A client asks for subscriptions, at least one."""

    TYPE: ClassVar[PacketType] = PacketType.SUBSCRIBE

    packet_id: int
    filters: tuple[SubscribeFilter, ...]
    properties: Properties = field(default_factory=no_properties)

    def encode(self, version: int) -> bytes:
        """Return the whole frame; 3.x versions send only the QoS of the options."""
        parts = [wire.encode_u16(self.packet_id)]
        if version == MQTT_5:
            parts.append(encode_properties(self.properties, PacketType.SUBSCRIBE))
        for entry in self.filters:
            parts.append(wire.encode_utf8(entry.topic_filter))
            parts.append(wire.encode_byte(_options(entry) if version == MQTT_5 else entry.qos))
        return wire.encode_frame(first_byte(PacketType.SUBSCRIBE), b"".join(parts))

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Subscribe:
        """Read a body."""
        require_flags(PacketType.SUBSCRIBE, flags, version)
        packet_id, pos = wire.read_packet_id(body, 0)
        properties = NO_PROPERTIES
        if version == MQTT_5:
            properties, pos = decode_properties(body, pos, PacketType.SUBSCRIBE)
        if pos == len(body):
            raise ProtocolViolation("SUBSCRIBE without topic filters")  # [MQTT-3.8.3-2]
        filters = []
        while pos < len(body):
            topic_filter, pos = wire.read_utf8(body, pos)
            options, pos = wire.read_byte(body, pos)
            filters.append(_read_filter(topic_filter, options, version))
        return cls(packet_id, tuple(filters), properties)


@dataclass(frozen=True, slots=True)
class Suback:
    """The server's answer to each filter of a SUBSCRIBE, in order."""

    TYPE: ClassVar[PacketType] = PacketType.SUBACK

    packet_id: int
    reason_codes: tuple[int, ...]
    properties: Properties = field(default_factory=no_properties)

    def encode(self, version: int) -> bytes:
        """Return the whole frame; 3.x versions know one failure only, 0x80."""
        head = wire.encode_u16(self.packet_id)
        if version == MQTT_5:
            head += encode_properties(self.properties, PacketType.SUBACK)
            codes = bytes(self.reason_codes)
        else:
            codes = bytes(min(code, _FAILURE_V3) for code in self.reason_codes)
        return wire.encode_frame(first_byte(PacketType.SUBACK), head + codes)

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Suback:
        """Read a body."""
        require_flags(PacketType.SUBACK, flags, version)
        packet_id, pos = wire.read_packet_id(body, 0)
        properties = NO_PROPERTIES
        if version == MQTT_5:
            properties, pos = decode_properties(body, pos, PacketType.SUBACK)
        codes = tuple(body[pos:])
        if not codes:
            raise ProtocolViolation("SUBACK without reason codes")
        require_reasons(codes, PacketType.SUBACK, version)
        return cls(packet_id, codes, properties)


def _options(entry: SubscribeFilter) -> int:
    options = entry.qos | entry.retain_handling << _RETAIN_HANDLING_SHIFT
    options |= _NO_LOCAL if entry.no_local else 0
    return options | (_RETAIN_AS_PUBLISHED if entry.retain_as_published else 0)


def _read_filter(topic_filter: str, options: int, version: int) -> SubscribeFilter:
    if version == MQTT_5:
        return _read_filter_v5(topic_filter, options)
    # MQTT 3.1 said of the upper six bits only that they are not used; 3.1.1 demands 0
    # [MQTT-3-8.3-4].
    qos = options & _QOS if version == MQTT_3_1 else options
    if qos > 2:
        raise MalformedPacket("requested qos is none, or reserved bits are set")
    return SubscribeFilter(topic_filter, qos)


def _read_filter_v5(topic_filter: str, options: int) -> SubscribeFilter:
    if options & _RESERVED:
        raise MalformedPacket("reserved subscription option is set")  # [MQTT-3.8.3-5]
    qos = options & _QOS
    retain_handling = options >> _RETAIN_HANDLING_SHIFT
    if qos > 2 or retain_handling > 2:
        raise ProtocolViolation("requested qos or retain handling is 3")
    no_local = bool(options & _NO_LOCAL)
    if no_local and topic_filter.startswith(SHARE_PREFIX):
        raise ProtocolViolation("no local on a shared subscription")  # [MQTT-3.8.3-4]
    return SubscribeFilter(
        topic_filter, qos, no_local, bool(options & _RETAIN_AS_PUBLISHED), retain_handling
    )
