"""MQTT 5 properties: a table row each, and the two functions that read and write lists by it.

Knows where a property may stand and which single values are forbidden. What a value means, and
limits that the server chose (an alias above the maximum, a quality of service not offered), is for
the broker to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypedDict, cast

from app.mqtt import wire
from app.mqtt.errors import MalformedPacket, ProtocolViolation
from app.mqtt.packet_type import PacketType
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, validate_topic_name


class Properties(TypedDict, total=False):
    """The properties of one packet. Absent means not sent.

    Flags are the integers 0 and 1, as on the wire. A decoded `Properties` is never changed in
    place: an empty one is the shared `NO_PROPERTIES`.
    """

    payload_format_indicator: int
    message_expiry_interval: int
    content_type: str
    response_topic: str
    correlation_data: bytes
    subscription_identifier: list[int]
    session_expiry_interval: int
    assigned_client_identifier: str
    server_keep_alive: int
    authentication_method: str
    authentication_data: bytes
    request_problem_information: int
    will_delay_interval: int
    request_response_information: int
    response_information: str
    server_reference: str
    reason_string: str
    receive_maximum: int
    topic_alias_maximum: int
    topic_alias: int
    maximum_qos: int
    retain_available: int
    user_property: list[tuple[str, str]]
    maximum_packet_size: int
    wildcard_subscription_available: int
    subscription_identifier_available: int
    shared_subscription_available: int


NO_PROPERTIES: Final[Properties] = Properties()
"""The empty list, shared by all packets that carry none. Nobody changes it."""

WILL: Final = "will"
Context: TypeAlias = PacketType | Literal["will"]
"""Where a property list stands: in a packet of that type, or in front of the will in CONNECT."""


def no_properties() -> Properties:
    """Return the shared empty list; the default of packet fields."""
    return NO_PROPERTIES


@dataclass(frozen=True, slots=True)
class WireType:
    """How values of one type are read and written."""

    read: Callable[[bytes, int], tuple[object, int]]
    write: Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class PropertyRow:
    """One row of the table."""

    id: int
    name: str
    type: WireType
    contexts: frozenset[Context]
    forbidden: Callable[[Any], bool] | None = None
    """Tells values that the type can hold and the standard forbids."""
    reason: ReasonCode = ReasonCode.PROTOCOL_ERROR
    """What a forbidden value is answered with."""
    repeatable: frozenset[Context] = frozenset()
    """Where the property may be given more than once."""
    is_list: bool = False
    """The value in `Properties` is a list, whatever the context."""


_BYTE = WireType(wire.read_byte, wire.encode_byte)
_U16 = WireType(wire.read_u16, wire.encode_u16)
_U32 = WireType(wire.read_u32, wire.encode_u32)
_VARINT = WireType(wire.read_varint, wire.encode_varint)
_UTF8 = WireType(wire.read_utf8, wire.encode_utf8)
_BINARY = WireType(wire.read_binary, wire.encode_binary)
_PAIR = WireType(wire.read_pair, wire.encode_pair)

_T = PacketType
_CONNECT: Final[frozenset[Context]] = frozenset({_T.CONNECT})
_CONNACK: Final[frozenset[Context]] = frozenset({_T.CONNACK})
_PUBLISH: Final[frozenset[Context]] = frozenset({_T.PUBLISH})
_SUBSCRIBE: Final[frozenset[Context]] = frozenset({_T.SUBSCRIBE})
_DISCONNECT: Final[frozenset[Context]] = frozenset({_T.DISCONNECT})
_AUTH: Final[frozenset[Context]] = frozenset({_T.AUTH})
_WILL: Final[frozenset[Context]] = frozenset({WILL})
_MESSAGE = _PUBLISH | _WILL
_BOTH_CONNECTS = _CONNECT | _CONNACK
_AUTHENTICATING = _BOTH_CONNECTS | _AUTH
_REASONED: Final[frozenset[Context]] = frozenset(
    {
        _T.CONNACK,
        _T.PUBACK,
        _T.PUBREC,
        _T.PUBREL,
        _T.PUBCOMP,
        _T.SUBACK,
        _T.UNSUBACK,
        _T.DISCONNECT,
        _T.AUTH,
    }
)
_EVERYWHERE: Final[frozenset[Context]] = (
    _REASONED | _CONNECT | _MESSAGE | _SUBSCRIBE | frozenset({_T.UNSUBSCRIBE})
)


def _not_flag(value: int) -> bool:
    return value > 1


def _zero(value: int) -> bool:
    return value == 0


def _not_topic_name(value: str) -> bool:
    try:
        validate_topic_name(value)
    except InvalidTopic:
        return True
    return False


# MQTT 5, table 2-4, in its order.
TABLE: Final[tuple[PropertyRow, ...]] = (
    PropertyRow(0x01, "payload_format_indicator", _BYTE, _MESSAGE, _not_flag),
    PropertyRow(0x02, "message_expiry_interval", _U32, _MESSAGE),
    PropertyRow(0x03, "content_type", _UTF8, _MESSAGE),
    PropertyRow(0x08, "response_topic", _UTF8, _MESSAGE, _not_topic_name),  # [MQTT-3.3.2-14]
    PropertyRow(0x09, "correlation_data", _BINARY, _MESSAGE),
    PropertyRow(
        0x0B,
        "subscription_identifier",
        _VARINT,
        _PUBLISH | _SUBSCRIBE,
        _zero,
        repeatable=_PUBLISH,
        is_list=True,
    ),
    PropertyRow(0x11, "session_expiry_interval", _U32, _BOTH_CONNECTS | _DISCONNECT),
    PropertyRow(0x12, "assigned_client_identifier", _UTF8, _CONNACK),
    PropertyRow(0x13, "server_keep_alive", _U16, _CONNACK),
    PropertyRow(0x15, "authentication_method", _UTF8, _AUTHENTICATING),
    PropertyRow(0x16, "authentication_data", _BINARY, _AUTHENTICATING),
    PropertyRow(0x17, "request_problem_information", _BYTE, _CONNECT, _not_flag),
    PropertyRow(0x18, "will_delay_interval", _U32, _WILL),
    PropertyRow(0x19, "request_response_information", _BYTE, _CONNECT, _not_flag),
    PropertyRow(0x1A, "response_information", _UTF8, _CONNACK),
    PropertyRow(0x1C, "server_reference", _UTF8, _CONNACK | _DISCONNECT),
    PropertyRow(0x1F, "reason_string", _UTF8, _REASONED),
    PropertyRow(0x21, "receive_maximum", _U16, _BOTH_CONNECTS, _zero),
    PropertyRow(0x22, "topic_alias_maximum", _U16, _BOTH_CONNECTS),
    PropertyRow(  # [MQTT-3.3.2-8]
        0x23, "topic_alias", _U16, _PUBLISH, _zero, ReasonCode.TOPIC_ALIAS_INVALID
    ),
    PropertyRow(0x24, "maximum_qos", _BYTE, _CONNACK, _not_flag),
    PropertyRow(0x25, "retain_available", _BYTE, _CONNACK, _not_flag),
    PropertyRow(0x26, "user_property", _PAIR, _EVERYWHERE, repeatable=_EVERYWHERE, is_list=True),
    PropertyRow(0x27, "maximum_packet_size", _U32, _BOTH_CONNECTS, _zero),
    PropertyRow(0x28, "wildcard_subscription_available", _BYTE, _CONNACK, _not_flag),
    PropertyRow(0x29, "subscription_identifier_available", _BYTE, _CONNACK, _not_flag),
    PropertyRow(0x2A, "shared_subscription_available", _BYTE, _CONNACK, _not_flag),
)

_BY_ID: Final[dict[Context, dict[int, PropertyRow]]] = {
    context: {row.id: row for row in TABLE if context in row.contexts} for context in _EVERYWHERE
}
_BY_NAME: Final[dict[Context, dict[str, PropertyRow]]] = {
    context: {row.name: row for row in rows.values()} for context, rows in _BY_ID.items()
}


def decode_properties(body: bytes, pos: int, context: Context) -> tuple[Properties, int]:
    """Read a property list and its length prefix.

    Args:
        body: The packet's body; nothing behind it is read.
        pos: Where the length prefix begins.
        context: The packet (or will) that the list belongs to.

    Returns:
        The properties (`NO_PROPERTIES` itself where the list is empty) and the position behind the
        list.

    Raises:
        MalformedPacket: The list cannot be read, or a property is unknown or not allowed here.
        ProtocolViolation: A property is given twice, or its value is forbidden.
    """
    length, start = wire.read_varint(body, pos)
    if not length:
        return NO_PROPERTIES, start
    end = start + length
    if end > len(body):
        raise MalformedPacket("body ends inside the properties")
    rows = _BY_ID[context]
    section = body[start:end]
    values: dict[str, Any] = {}
    at = 0
    while at < length:
        row = rows.get(section[at])
        if row is None:
            raise MalformedPacket(f"property 0x{section[at]:02x} is unknown or not allowed here")
        value, at = row.type.read(section, at + 1)
        _add(values, row, value, context)
    if "authentication_data" in values and "authentication_method" not in values:
        raise ProtocolViolation("authentication data without authentication method")
    return cast("Properties", values), end


def _add(values: dict[str, Any], row: PropertyRow, value: object, context: Context) -> None:
    """Put one decoded value in its place, unless it is forbidden."""
    if row.forbidden is not None and row.forbidden(value):
        raise ProtocolViolation(f"{row.name} has a forbidden value", row.reason)
    if row.name in values:
        if context not in row.repeatable:
            raise ProtocolViolation(f"{row.name} is given more than once")
        values[row.name].append(value)
    else:
        values[row.name] = [value] if row.is_list else value


def encode_properties(properties: Properties, context: Context) -> bytes:
    """Write a property list with its length prefix, in the order of the mapping.

    Raises:
        ValueError: A property is not allowed here: a mistake of ours, not of the peer.
    """
    if not properties:
        return b"\0"
    rows = _BY_NAME[context]
    parts: list[bytes] = []
    for name, value in cast("dict[str, Any]", properties).items():
        row = rows.get(name)
        if row is None:
            raise ValueError(f"property {name} is not allowed in {context!s}")
        items = value if row.is_list else (value,)
        if len(items) > 1 and context not in row.repeatable:
            raise ValueError(f"property {name} may stand only once in {context!s}")
        for item in items:
            parts.append(row.id.to_bytes(1, "big"))
            parts.append(row.type.write(item))
    section = b"".join(parts)
    return wire.encode_varint(len(section)) + section
