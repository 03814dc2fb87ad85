"""Reading and writing property lists. Each property by itself is in the protocol corpus."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from app.mqtt.errors import MalformedPacket, ProtocolViolation
from app.mqtt.packets import PacketType
from app.mqtt.properties import (
    NO_PROPERTIES,
    TABLE,
    WILL,
    Properties,
    decode_properties,
    encode_properties,
)

PUBLISH = PacketType.PUBLISH


def test_table_and_type_name_the_same_properties() -> None:
    assert [row.name for row in TABLE] == list(get_type_hints(Properties))
    assert [row.id for row in TABLE] == sorted({row.id for row in TABLE})
    assert len(TABLE) == 27


def test_empty_list_is_the_shared_one() -> None:
    properties, pos = decode_properties(b"xx\0yy", 2, PUBLISH)
    assert properties is NO_PROPERTIES
    assert pos == 3
    assert encode_properties(NO_PROPERTIES, PUBLISH) == b"\0"


def test_nothing_behind_the_list_is_read() -> None:
    body = b"\x02\x01\x01\x01\x00"
    assert decode_properties(body, 0, PUBLISH) == ({"payload_format_indicator": 1}, 3)


def test_value_must_lie_inside_the_list() -> None:
    with pytest.raises(MalformedPacket):
        decode_properties(b"\x04\x02\0\0\0\1", 0, PUBLISH)


def test_order_of_user_properties_is_kept() -> None:  # [MQTT-3.3.2-18]
    properties: Properties = {"user_property": [("b", "1"), ("a", "2"), ("b", "1")]}
    data = encode_properties(properties, WILL)
    assert decode_properties(data, 0, WILL) == (properties, len(data))


def test_long_list_has_a_long_prefix() -> None:
    properties: Properties = {"correlation_data": bytes(300)}
    data = encode_properties(properties, PUBLISH)
    assert data[:2] == b"\xaf\x02"
    assert decode_properties(data, 0, PUBLISH) == (properties, len(data))


def test_authentication_data_needs_a_method() -> None:
    with pytest.raises(ProtocolViolation):
        decode_properties(b"\x03\x16\0\0", 0, PacketType.CONNECT)


def test_property_in_the_wrong_place_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="topic_alias is not allowed"):
        encode_properties({"topic_alias": 1}, WILL)
    with pytest.raises(ValueError, match="only once"):
        encode_properties({"subscription_identifier": [1, 2]}, PacketType.SUBSCRIBE)
