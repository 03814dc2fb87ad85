"""Packet types and protocol versions, the words that every table of the codec is written in.

A leaf: it imports nothing, so that properties and reason codes can name packets without knowing
their classes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

MQTT_3_1: Final = 3
MQTT_3_1_1: Final = 4
MQTT_5: Final = 5


class PacketType(IntEnum):
    """The upper four bits of a packet's first byte. The value 0 is reserved by every version."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


FROM_CLIENT_ONLY: Final = frozenset(
    {PacketType.CONNECT, PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE, PacketType.PINGREQ}
)
FROM_SERVER_ONLY: Final = frozenset(
    {PacketType.CONNACK, PacketType.SUBACK, PacketType.UNSUBACK, PacketType.PINGRESP}
)

_ACKNOWLEDGED: Final = frozenset(
    {PacketType.PUBREL, PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE},
)
_NO_FLAGS: Final = frozenset({0x0})
_QOS_1: Final = frozenset({0x2})
_QOS_1_DUP: Final = frozenset({0x2, 0xA})
_PUBLISH_FLAGS: Final = frozenset(
    dup << 3 | qos << 1 | retain
    for dup in (0, 1)
    for qos in (0, 1, 2)
    for retain in (0, 1)
    # "The DUP flag MUST be set to 0 for all QoS 0 messages" [MQTT-3.3.1-2].
    if qos or not dup
)


def allowed_flags(packet_type: PacketType, version: int) -> frozenset[int]:
    """Return the values that the lower four bits of the first byte may have [MQTT-2.1.3-1].

    MQTT 3.1 still treated PUBREL, SUBSCRIBE and UNSUBSCRIBE as QoS 1 messages that are sent again
    with DUP set.
    """
    if packet_type is PacketType.PUBLISH:
        return _PUBLISH_FLAGS
    if packet_type not in _ACKNOWLEDGED:
        return _NO_FLAGS
    return _QOS_1_DUP if version == MQTT_3_1 else _QOS_1


def first_byte(packet_type: PacketType) -> int:
    """Return the first byte of a packet whose flags are fixed (every packet but PUBLISH)."""
    return packet_type << 4 | (0x2 if packet_type in _ACKNOWLEDGED else 0x0)
