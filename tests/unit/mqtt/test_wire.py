"""The data types of the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mqtt import wire
from app.mqtt.errors import MalformedPacket, ProtocolViolation
from tests.unit.mqtt.strategies import patient

# The limits of each length, MQTT 5 table 1-1.
_VARINTS = [
    (0, "00"),
    (127, "7f"),
    (128, "8001"),
    (16_383, "ff7f"),
    (16_384, "808001"),
    (2_097_151, "ffff7f"),
    (2_097_152, "80808001"),
    (268_435_455, "ffffff7f"),
]


@pytest.mark.parametrize(("value", "digits"), _VARINTS)
def test_variable_byte_integers_at_the_limits(value: int, digits: str) -> None:
    data = bytes.fromhex(digits)
    assert wire.encode_varint(value) == data
    assert wire.read_varint(data + b"\xff", 0) == (value, len(data))
    assert wire.read_varint(b"\xff" + data, 1) == (value, 1 + len(data))


@pytest.mark.parametrize("value", [-1, 268_435_456])
def test_variable_byte_integer_out_of_range_is_our_mistake(value: int) -> None:
    with pytest.raises(ValueError, match="268435455"):
        wire.encode_varint(value)


@pytest.mark.parametrize("digits", ["", "80", "ffffff"])
def test_unfinished_variable_byte_integer(digits: str) -> None:
    data = bytes.fromhex(digits)
    assert wire.try_varint(data, 0) == (wire.INCOMPLETE, 0)
    with pytest.raises(MalformedPacket):
        wire.read_varint(data, 0)


def test_fifth_byte_is_malformed() -> None:
    with pytest.raises(MalformedPacket):
        wire.try_varint(b"\x80\x80\x80\x80", 0)


def test_longer_form_is_read_in_headers_and_refused_in_bodies() -> None:  # [MQTT-1.5.5-1]
    assert wire.try_varint(b"\x81\x00", 0) == (1, 2)
    with pytest.raises(MalformedPacket):
        wire.read_varint(b"\x81\x00", 0)


@patient
@given(st.integers(0, wire.MAX_VARINT))
def test_variable_byte_integers_come_back(value: int) -> None:
    data = wire.encode_varint(value)
    assert wire.read_varint(data, 0) == (value, len(data))


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (wire.read_byte, b""),
        (wire.read_u16, b"\0"),
        (wire.read_u32, b"\0\0\0"),
        (wire.read_packet_id, b"\1"),
        (wire.read_binary, b"\0\2a"),
        (wire.read_utf8, b"\0"),
        (wire.read_pair, b"\0\1a\0"),
        (wire.read_utf8, b"\0\2\xc3\x28"),
        (wire.read_utf8, b"\0\3\xed\xa0\x80"),
        (wire.read_utf8, b"\0\1\0"),
    ],
)
def test_body_that_ends_early_or_is_not_text_is_malformed(
    read: Callable[[bytes, int], object], data: bytes
) -> None:
    with pytest.raises(MalformedPacket):
        read(data, 0)


def test_packet_identifier_is_never_zero() -> None:  # [MQTT-2.2.1-3]
    assert wire.read_packet_id(b"\x01\x00", 0) == (256, 2)
    with pytest.raises(ProtocolViolation):
        wire.read_packet_id(b"\0\0", 0)


@patient
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50))
def test_text_comes_back(text: str) -> None:
    data = wire.encode_utf8(text)
    assert wire.read_utf8(data + b"x", 0) == (text, len(data))
    pair = wire.encode_pair((text, "v"))
    assert wire.read_pair(pair, 0) == ((text, "v"), len(pair))


def test_strings_end_at_65535_bytes() -> None:
    assert len(wire.encode_binary(bytes(65_535))) == 65_537
    with pytest.raises(ValueError, match="65535"):
        wire.encode_utf8("ä" * 32_768)


def test_surrogate_is_never_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        wire.encode_utf8("\ud800")
