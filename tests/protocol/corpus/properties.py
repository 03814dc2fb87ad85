"""Rows of MQTT 5 properties: each where it belongs, where it does not, twice, and with forbidden values.

Kept apart from the codec's own table on purpose: this one was written down from the standard (table 2-4) once more, so
that a slip in one of them shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.mqtt.errors import MalformedPacket, ProtocolViolation
from app.mqtt.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsuback,
    Unsubscribe,
    Will,
)
from app.mqtt.properties import Properties
from app.mqtt.reason_codes import ReasonCode
from tests.protocol.corpus.row import CLIENT, SERVER, Row, Sender, frame_bytes

# Where a property list can stand: who sends the packet, its first byte, and the body around the list.
_FRAMES: dict[str, tuple[Sender, str, str, str]] = {
    "CONNECT": (CLIENT, "10", "0004 'MQTT' 05 02 003c", "0000"),
    "WILL": (CLIENT, "10", "0004 'MQTT' 05 06 003c 00 0000", "0001 'w' 0000"),
    "CONNACK": (SERVER, "20", "00 00", ""),
    "PUBLISH": (SERVER, "30", "0001 'a'", "'p'"),
    "PUBACK": (CLIENT, "40", "0001 00", ""),
    "PUBREC": (CLIENT, "50", "0001 00", ""),
    "PUBREL": (CLIENT, "62", "0001 00", ""),
    "PUBCOMP": (CLIENT, "70", "0001 00", ""),
    "SUBSCRIBE": (CLIENT, "82", "0001", "0001 'a' 00"),
    "SUBACK": (SERVER, "90", "0001", "00"),
    "UNSUBSCRIBE": (CLIENT, "a2", "0001", "0001 'a'"),
    "UNSUBACK": (SERVER, "b0", "0001", "00"),
    "DISCONNECT": (CLIENT, "e0", "00", ""),
    "AUTH": (CLIENT, "f0", "18", ""),
}

_MESSAGE = "PUBLISH WILL"
_REASONED = "CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH"

# Name, bytes, value, where it is allowed.
_PROPERTIES: tuple[tuple[str, str, object, str], ...] = (
    ("payload_format_indicator", "01 01", 1, _MESSAGE),
    ("message_expiry_interval", "02 00010000", 65536, _MESSAGE),
    ("content_type", "03 0002 'ct'", "ct", _MESSAGE),
    ("response_topic", "08 0003 'r/t'", "r/t", _MESSAGE),
    ("correlation_data", "09 0002 00ff", b"\x00\xff", _MESSAGE),
    ("subscription_identifier", "0b 8001", [128], "PUBLISH SUBSCRIBE"),
    ("session_expiry_interval", "11 ffffffff", 4294967295, "CONNECT CONNACK DISCONNECT"),
    ("assigned_client_identifier", "12 0002 'id'", "id", "CONNACK"),
    ("server_keep_alive", "13 0000", 0, "CONNACK"),
    ("authentication_method", "15 0001 'm'", "m", "CONNECT CONNACK AUTH"),
    ("request_problem_information", "17 00", 0, "CONNECT"),
    ("will_delay_interval", "18 00000001", 1, "WILL"),
    ("request_response_information", "19 01", 1, "CONNECT"),
    ("response_information", "1a 0002 'ri'", "ri", "CONNACK"),
    ("server_reference", "1c 0002 'sr'", "sr", "CONNACK DISCONNECT"),
    ("reason_string", "1f 0002 'rs'", "rs", _REASONED),
    ("receive_maximum", "21 0001", 1, "CONNECT CONNACK"),
    ("topic_alias_maximum", "22 0000", 0, "CONNECT CONNACK"),
    ("topic_alias", "23 ffff", 65535, "PUBLISH"),
    ("maximum_qos", "24 01", 1, "CONNACK"),
    ("retain_available", "25 00", 0, "CONNACK"),
    ("user_property", "26 0001 'k' 0000", [("k", "")], " ".join(_FRAMES)),
    ("maximum_packet_size", "27 00000001", 1, "CONNECT CONNACK"),
    ("wildcard_subscription_available", "28 01", 1, "CONNACK"),
    ("subscription_identifier_available", "29 00", 0, "CONNACK"),
    ("shared_subscription_available", "2a 01", 1, "CONNACK"),
)
_MAY_REPEAT = {("user_property", place) for place in _FRAMES} | {
    ("subscription_identifier", "PUBLISH")
}

# What goes wrong, where, the property list, and the reason it is refused with.
_REFUSED: tuple[tuple[str, str, str, int], ...] = (
    ("an unknown property", "PUBLISH", "7f 00", 0x81),
    ("a property id of two bytes", "PUBLISH", "8100 00", 0x81),
    ("property id 0", "CONNECT", "00 00", 0x81),
    ("a property without value", "PUBLISH", "01", 0x81),
    ("a property that ends in its value", "PUBLISH", "02 000000", 0x81),
    ("a property that ends in its text", "PUBLISH", "03 0005 'a'", 0x81),
    ("a content type that is not UTF-8", "PUBLISH", "03 0001 ff", 0x81),  # [MQTT-3.3.2-19]
    ("a response topic that is not UTF-8", "PUBLISH", "08 0001 ff", 0x81),  # [MQTT-3.3.2-13]
    ("a user property whose name is not UTF-8", "PUBLISH", "26 0001 ff 0000", 0x81),
    (
        "a user property whose value is not UTF-8",
        "PUBLISH",
        "26 0000 0001 ff",
        0x81,
    ),  # [MQTT-1.5.7-1]
    ("a property whose text has NUL", "PUBLISH", "03 0001 00", 0x81),
    ("a user property without value", "CONNECT", "26 0001 'k'", 0x81),
    ("an endless subscription identifier", "SUBSCRIBE", "0b ffffffff01", 0x81),
    ("payload format 2", "PUBLISH", "01 02", 0x82),
    ("payload format 2", "WILL", "01 02", 0x82),
    ("a response topic with a wildcard", "PUBLISH", "08 0003 'a/#'", 0x82),  # [MQTT-3.3.2-14]
    ("an empty response topic", "WILL", "08 0000", 0x82),
    ("subscription identifier 0", "SUBSCRIBE", "0b 00", 0x82),
    ("subscription identifier 0", "PUBLISH", "0b 00", 0x82),
    ("topic alias 0", "PUBLISH", "23 0000", 0x94),
    ("receive maximum 0", "CONNECT", "21 0000", 0x82),
    ("receive maximum 0", "CONNACK", "21 0000", 0x82),
    ("maximum packet size 0", "CONNECT", "27 00000000", 0x82),
    ("request problem information 2", "CONNECT", "17 02", 0x82),
    ("request response information 2", "CONNECT", "19 02", 0x82),
    ("maximum qos 2", "CONNACK", "24 02", 0x82),
    ("retain available 2", "CONNACK", "25 02", 0x82),
    ("wildcard subscription available 2", "CONNACK", "28 02", 0x82),
    ("subscription identifier available 2", "CONNACK", "29 02", 0x82),
    ("shared subscription available 2", "CONNACK", "2a 02", 0x82),
    ("authentication data without method", "CONNACK", "16 0001 'd'", 0x82),
    ("authentication data without method", "AUTH", "16 0001 'd'", 0x82),
)


def _packet(place: str, values: Properties) -> Packet:
    packets: dict[str, Packet] = {
        "CONNECT": Connect("MQTT", 5, True, 60, "", properties=values),
        "WILL": Connect("MQTT", 5, True, 60, "", will=Will("w", b"", properties=values)),
        "CONNACK": Connack(False, 0, values),
        "PUBLISH": Publish("a", b"p", properties=values),
        "PUBACK": Puback(1, 0, values),
        "PUBREC": Pubrec(1, 0, values),
        "PUBREL": Pubrel(1, 0, values),
        "PUBCOMP": Pubcomp(1, 0, values),
        "SUBSCRIBE": Subscribe(1, (SubscribeFilter("a", 0),), values),
        "SUBACK": Suback(1, (0,), values),
        "UNSUBSCRIBE": Unsubscribe(1, ("a",), values),
        "UNSUBACK": Unsuback(1, (0,), values),
        "DISCONNECT": Disconnect(0, values),
        "AUTH": Auth(0x18, values),
    }
    return packets[place]


def _frame(place: str, section: bytes) -> tuple[Sender, bytes]:
    sender, first, before, after = _FRAMES[place]
    body = frame_bytes(before) + bytes((len(section),)) + section + frame_bytes(after)
    return sender, frame_bytes(first) + bytes((len(body),)) + body


def _good(name: str, place: str, section: bytes, values: dict[str, object]) -> Row:
    sender, frame = _frame(place, section)
    return Row(name, 5, sender, frame, _packet(place, values))  # type: ignore[arg-type]


def _bad(name: str, place: str, section: bytes, reason: int) -> Row:
    sender, frame = _frame(place, section)
    error = MalformedPacket if reason == ReasonCode.MALFORMED_PACKET else ProtocolViolation
    return Row(name, 5, sender, frame, error=error, reason=ReasonCode(reason))


def _rows_of(name: str, digits: str, value: object, places: str) -> Iterator[Row]:
    """Make the rows of one property: every place, allowed or not, and given twice."""
    section = frame_bytes(digits)
    for place in _FRAMES:
        # AUTH demands a method, so the other properties follow one there.
        with_method = place == "AUTH" and name != "authentication_method"
        opening = frame_bytes("15 0001 'm'") if with_method else b""
        others: dict[str, object] = {"authentication_method": "m"} if with_method else {}
        if place not in places.split():
            yield _bad(f"{name} in {place}", place, opening + section, 0x81)
            continue
        yield _good(f"{name} in {place}", place, opening + section, {**others, name: value})
        twice = opening + section * 2
        if (name, place) not in _MAY_REPEAT:
            yield _bad(f"{name} twice in {place}", place, twice, 0x82)
        elif isinstance(value, list):
            yield _good(f"{name} twice in {place}", place, twice, {**others, name: value * 2})


ROWS: tuple[Row, ...] = (
    *(row for entry in _PROPERTIES for row in _rows_of(*entry)),
    *(
        _good(
            f"authentication_data in {place}",
            place,
            frame_bytes("15 0001 'm' 16 0001 00"),
            {"authentication_method": "m", "authentication_data": b"\0"},
        )
        for place in ("CONNECT", "CONNACK", "AUTH")
    ),
    *(
        _bad(f"{name} in {place}", place, frame_bytes(digits), reason)
        for name, place, digits, reason in _REFUSED
    ),
)
