"""The data types of the wire: integers, strings, binary data, variable byte integers, whole frames.

Knows bytes only, neither packets nor properties. Readers take a body and a position, return the
value and the position after it, and raise `MalformedPacket` where the body ends too early; they
never read past the body.
"""

from __future__ import annotations

from typing import Final

from app.mqtt.errors import MalformedPacket, ProtocolViolation

MAX_VARINT: Final = 268_435_455
"""The greatest value that four bytes of seven bits hold; also the greatest Remaining Length."""
MAX_STRING_BYTES: Final = 65_535
INCOMPLETE: Final = -1

_SMALL_VARINTS: Final = tuple(bytes((value,)) for value in range(128))


def read_byte(body: bytes, pos: int) -> tuple[int, int]:
    """Read one byte."""
    if pos >= len(body):
        raise MalformedPacket("body ends where a byte was expected")
    return body[pos], pos + 1


def read_u16(body: bytes, pos: int) -> tuple[int, int]:
    """Read a two byte integer."""
    end = pos + 2
    if end > len(body):
        raise MalformedPacket("body ends inside a two byte integer")
    return body[pos] << 8 | body[pos + 1], end


def read_u32(body: bytes, pos: int) -> tuple[int, int]:
    """Read a four byte integer."""
    end = pos + 4
    if end > len(body):
        raise MalformedPacket("body ends inside a four byte integer")
    return int.from_bytes(body[pos:end], "big"), end


def read_packet_id(body: bytes, pos: int) -> tuple[int, int]:
    """Read a packet identifier, which is never 0 [MQTT-2.2.1-3]."""
    packet_id, pos = read_u16(body, pos)
    if not packet_id:
        raise ProtocolViolation("packet identifier is 0")
    return packet_id, pos


def read_binary(body: bytes, pos: int) -> tuple[bytes, int]:
    """Read binary data, which follows its length of two bytes."""
    length, start = read_u16(body, pos)
    end = start + length
    if end > len(body):
        raise MalformedPacket("body ends inside a string or binary data")
    return body[start:end], end


def read_utf8(body: bytes, pos: int) -> tuple[str, int]:
    """Read a UTF-8 string without ill-formed sequences, surrogates or NUL."""
    raw, end = read_binary(body, pos)
    return decode_utf8(raw), end


def read_pair(body: bytes, pos: int) -> tuple[tuple[str, str], int]:
    """Read a UTF-8 string pair."""
    name, pos = read_utf8(body, pos)
    value, pos = read_utf8(body, pos)
    return (name, value), pos


def decode_utf8(raw: bytes) -> str:
    """Turn bytes into text: no surrogates [MQTT-1.5.4-1], no NUL [MQTT-1.5.4-2]."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedPacket("string is not well-formed UTF-8") from error
    if "\0" in text:
        raise MalformedPacket("string contains NUL")
    return text


def try_varint(data: bytes | bytearray, pos: int) -> tuple[int, int]:
    """Read a variable byte integer from a stream that may not hold all of it yet.

    Returns:
        The value and the position after it, or `INCOMPLETE` and `pos`.

    Raises:
        MalformedPacket: A fourth byte announces a fifth.
    """
    value = 0
    for index, byte in enumerate(data[pos : pos + 4]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, pos + index + 1
    if len(data) - pos >= 4:
        raise MalformedPacket("variable byte integer is longer than four bytes")
    return INCOMPLETE, pos


def read_varint(body: bytes, pos: int) -> tuple[int, int]:
    """Read a variable byte integer in its shortest form [MQTT-1.5.5-1]."""
    value, end = try_varint(body, pos)
    if value == INCOMPLETE:
        raise MalformedPacket("body ends inside a variable byte integer")
    if end - pos > 1 and not body[end - 1]:
        raise MalformedPacket("variable byte integer is longer than needed")
    return value, end


def require_end(body: bytes, pos: int) -> None:
    """Refuse bytes behind the last field of a packet."""
    if pos != len(body):
        raise MalformedPacket("bytes left behind the last field")


def encode_byte(value: int) -> bytes:
    """Encode one byte."""
    return value.to_bytes(1, "big")


def encode_u16(value: int) -> bytes:
    """Encode a two byte integer."""
    return value.to_bytes(2, "big")


def encode_u32(value: int) -> bytes:
    """Encode a four byte integer."""
    return value.to_bytes(4, "big")


def encode_binary(value: bytes) -> bytes:
    """Encode binary data with its length in front."""
    if len(value) > MAX_STRING_BYTES:
        raise ValueError("strings and binary data have at most 65535 bytes")
    return len(value).to_bytes(2, "big") + value


def encode_utf8(value: str) -> bytes:
    """Encode a UTF-8 string with its length in front."""
    return encode_binary(value.encode())


def encode_pair(value: tuple[str, str]) -> bytes:
    """Encode a UTF-8 string pair."""
    return encode_utf8(value[0]) + encode_utf8(value[1])


def encode_varint(value: int) -> bytes:
    """Encode a variable byte integer."""
    if 0 <= value < 0x80:
        return _SMALL_VARINTS[value]
    if not 0 <= value <= MAX_VARINT:
        raise ValueError("variable byte integers end at 268435455")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_frame(first: int, body: bytes) -> bytes:
    """Put the fixed header in front of a body."""
    return first.to_bytes(1, "big") + encode_varint(len(body)) + body
