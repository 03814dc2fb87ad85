"""Payloads and properties that can stand on the wire, and only those."""

from __future__ import annotations

import pytest

from app.errors import ServiceError
from app.mqtt.packet_type import PacketType
from app.mqtt.properties import decode_properties, encode_properties
from app.services.message_fields import payload_of, properties_of

ALL = {
    "payload_format_indicator": 0,
    "message_expiry_interval": 0xFFFFFFFF,
    "response_topic": "r",
    "correlation_data": "ü",
    "user_properties": {"a": 1, "b": False},
    "subscription_identifier": 268_435_455,
    "content_type": "",
}


def test_what_gets_through_can_be_encoded_and_comes_back_the_same():
    properties = properties_of({"properties": ALL, "user_properties": {"a": "first"}})
    encoded = encode_properties(properties, PacketType.PUBLISH)
    assert decode_properties(encoded, 0, PacketType.PUBLISH)[0] == properties


def test_a_message_need_not_have_any():
    assert properties_of({}) == {}
    assert payload_of({}) == b""


def test_white_space_in_base64_is_ignored():
    assert payload_of({"payload": " Y\nQ== ", "encoding": "base64"}) == b"a"


@pytest.mark.parametrize("properties", [{"user_properties": {"a": [1]}}, {"x": 1}, {}])
def test_the_rest_is_refused(properties):
    with pytest.raises(ServiceError, match="bad_params"):
        properties_of({"properties": properties})
