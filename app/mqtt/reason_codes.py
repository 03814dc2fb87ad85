"""Reason codes of MQTT 5 in one table: byte, EMQX's name, who may carry it, 3.x CONNACK byte.

Older versions know return codes in CONNACK and SUBACK only; a reason is always kept as its MQTT 5
byte and turned into an older one where a packet is encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from app.mqtt.packet_type import MQTT_5, PacketType


class ReasonCode(IntEnum):
    """All reason codes of MQTT 5 (section 2.4), named as the standard names them."""

    SUCCESS = 0x00
    NORMAL_DISCONNECTION = 0x00
    GRANTED_QOS_0 = 0x00
    GRANTED_QOS_1 = 0x01
    GRANTED_QOS_2 = 0x02
    DISCONNECT_WITH_WILL_MESSAGE = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    RE_AUTHENTICATE = 0x19
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC_ERROR = 0x83
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    CLIENT_IDENTIFIER_NOT_VALID = 0x85
    BAD_USER_NAME_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_IDENTIFIER_IN_USE = 0x91
    PACKET_IDENTIFIER_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    MESSAGE_RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    PAYLOAD_FORMAT_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    USE_ANOTHER_SERVER = 0x9C
    SERVER_MOVED = 0x9D
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    CONNECTION_RATE_EXCEEDED = 0x9F
    MAXIMUM_CONNECT_TIME = 0xA0
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of the table."""

    code: ReasonCode
    text: str
    """EMQX's name, as logs, hooks and the API show it."""
    packets: frozenset[PacketType]
    """The packets that may carry the code (MQTT 5, table 2-6)."""
    connack_v3: int
    """The CONNACK return code that MQTT 3.x clients get in its place."""


_LETTERS: Final = {
    "C": PacketType.CONNACK,
    "A": PacketType.PUBACK,
    "R": PacketType.PUBREC,
    "L": PacketType.PUBREL,
    "P": PacketType.PUBCOMP,
    "S": PacketType.SUBACK,
    "U": PacketType.UNSUBACK,
    "D": PacketType.DISCONNECT,
    "X": PacketType.AUTH,
}

# code, EMQX's name, packets (the letters above), 3.x CONNACK byte. Spelling of the names: EMQX
# 4.4.19, src/emqx_reason_codes.erl, name/1 ("malformed_Packet" and "bad_username_or_password" are
# theirs).
_TABLE: Final[tuple[tuple[int, str, str, int], ...]] = (
    (0x00, "success", "CARLPSUDX", 0),
    (0x01, "granted_qos1", "S", 3),
    (0x02, "granted_qos2", "S", 3),
    (0x04, "disconnect_with_will_message", "D", 3),
    (0x10, "no_matching_subscribers", "AR", 3),
    (0x11, "no_subscription_existed", "U", 3),
    (0x18, "continue_authentication", "X", 3),
    (0x19, "re_authenticate", "X", 3),
    (0x80, "unspecified_error", "CARSUD", 3),
    (0x81, "malformed_Packet", "CD", 1),
    (0x82, "protocol_error", "CD", 1),
    (0x83, "implementation_specific_error", "CARSUD", 1),
    (0x84, "unsupported_protocol_version", "C", 1),
    (0x85, "client_identifier_not_valid", "C", 2),
    (0x86, "bad_username_or_password", "C", 4),
    (0x87, "not_authorized", "CARSUD", 5),
    (0x88, "server_unavailable", "C", 3),
    (0x89, "server_busy", "CD", 3),
    (0x8A, "banned", "C", 5),
    (0x8B, "server_shutting_down", "D", 3),
    (0x8C, "bad_authentication_method", "CD", 5),
    (0x8D, "keepalive_timeout", "D", 3),
    (0x8E, "session_taken_over", "D", 3),
    (0x8F, "topic_filter_invalid", "SUD", 3),
    (0x90, "topic_name_invalid", "CARD", 3),
    (0x91, "packet_identifier_inuse", "ARSU", 3),
    (0x92, "packet_identifier_not_found", "LP", 3),
    (0x93, "receive_maximum_exceeded", "D", 3),
    (0x94, "topic_alias_invalid", "D", 3),
    (0x95, "packet_too_large", "CD", 3),
    (0x96, "message_rate_too_high", "D", 3),
    (0x97, "quota_exceeded", "CARSD", 3),
    (0x98, "administrative_action", "D", 3),
    (0x99, "payload_format_invalid", "CARD", 3),
    (0x9A, "retain_not_supported", "CD", 3),
    (0x9B, "qos_not_supported", "CD", 3),
    (0x9C, "use_another_server", "CD", 3),
    (0x9D, "server_moved", "CD", 3),
    (0x9E, "shared_subscriptions_not_supported", "SD", 3),
    (0x9F, "connection_rate_exceeded", "CD", 3),
    (0xA0, "maximum_connect_time", "D", 3),
    (0xA1, "subscription_identifiers_not_supported", "SD", 3),
    (0xA2, "wildcard_subscriptions_not_supported", "SD", 3),
)

REASONS: Final[dict[ReasonCode, Reason]] = {
    ReasonCode(code): Reason(
        ReasonCode(code), name, frozenset(_LETTERS[letter] for letter in letters), connack_v3
    )
    for code, name, letters, connack_v3 in _TABLE
}

_ALLOWED: Final[dict[PacketType, frozenset[int]]] = {
    packet_type: frozenset(int(code) for code, row in REASONS.items() if packet_type in row.packets)
    for packet_type in _LETTERS.values()
}
_ALLOWED_V3: Final = {
    PacketType.CONNACK: frozenset(range(6)),
    PacketType.SUBACK: frozenset({0x00, 0x01, 0x02, 0x80}),
}
_FROM_CONNACK_V3: Final = (
    ReasonCode.SUCCESS,
    ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
    ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
    ReasonCode.SERVER_UNAVAILABLE,
    ReasonCode.BAD_USER_NAME_OR_PASSWORD,
    ReasonCode.NOT_AUTHORIZED,
)


def text(reason: int) -> str:
    """Return EMQX's name of a reason code, `unknown_error` for a byte that is none."""
    row = _BY_BYTE.get(reason)
    return "unknown_error" if row is None else row.text


def connack_v3(reason: int) -> int:
    """Return the CONNACK return code, 0 to 5, by which MQTT 3.1 and 3.1.1 say `reason`."""
    row = _BY_BYTE.get(reason)
    return 3 if row is None else row.connack_v3


def from_connack_v3(return_code: int) -> ReasonCode:
    """Return the reason that a 3.x CONNACK return code, 0 to 5, means."""
    return _FROM_CONNACK_V3[return_code]


def is_allowed(reason: int, packet_type: PacketType, version: int) -> bool:
    """Tell whether a packet of `version` may carry the byte `reason`."""
    table = _ALLOWED if version == MQTT_5 else _ALLOWED_V3
    return reason in table[packet_type]


_BY_BYTE: Final[dict[int, Reason]] = {int(code): row for code, row in REASONS.items()}
