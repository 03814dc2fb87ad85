"""The PROXY protocol's header: both versions, in pieces of any size, and never a byte past its end."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.proxy_protocol import (
    LOCAL,
    SIGNATURE,
    UNKNOWN,
    V1_LONGEST,
    V2_LONGEST,
    HeaderParser,
    NoHeaderError,
    Origin,
)

PORTS = st.integers(0, 65_535)
TAIL = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\r\nPROXY "


def read(stream: bytes, largest: int = 1_000_000) -> tuple[Origin, int]:
    """Return what the header says and how many bytes it took, fed `largest` bytes at a time."""
    parser = HeaderParser()
    taken = 0
    while parser.origin is None:
        assert parser.wants > 0
        piece = stream[taken : taken + min(parser.wants, largest)]
        assert piece, "the parser wants more than the header holds"
        parser.feed(piece)
        taken += len(piece)
    assert parser.wants == 0
    return parser.origin, taken


def block(command: int, kind: int, content: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, kind, len(content)) + content


V4 = b"\xc0\x00\x02\x07\x0a\x00\x00\x01" + struct.pack("!HH", 51_000, 1883)
V6 = bytes.fromhex("20010db8000000000000000000000007") + bytes(15) + b"\x01"
V6 += struct.pack("!HH", 51_000, 1883)
TLVS = b"\x03\x00\x04abcd" + b"\x02\x00\x09localhost"


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def by_tls(client: int, verify: int, *values: bytes) -> bytes:
    content = struct.pack("!BI", client, verify) + b"".join(values)
    return block(0x21, 0x11, V4 + TLVS + tlv(0x20, content))


CN = tlv(0x22, b"device-7")
FOUND = Origin("192.0.2.7", 51_000, 1883)
NAMED = Origin("192.0.2.7", 51_000, 1883, cert_cn="device-7")

HEADERS = {
    by_tls(0x07, 0, tlv(0x21, b"TLSv1.3"), CN): NAMED,
    by_tls(0x03, 0, CN, tlv(0x22, b"another")): NAMED,
    by_tls(0x05, 0, CN): NAMED,
    by_tls(0x07, 1, CN): FOUND,
    by_tls(0x01, 0, CN): FOUND,
    by_tls(0x07, 0): FOUND,
    by_tls(0x07, 0, tlv(0x22, b"")): FOUND,
    by_tls(0x07, 0, tlv(0x22, b"\xff\xfe")): FOUND,
    by_tls(0x07, 0, CN[:-1]): FOUND,
    block(0x21, 0x11, V4 + tlv(0x20, b"\x07\0")): FOUND,
    block(0x21, 0x11, V4 + CN): FOUND,
    b"PROXY TCP4 192.0.2.7 10.0.0.1 51000 1883\r\n": Origin("192.0.2.7", 51_000, 1883),
    b"PROXY TCP6 2001:db8::7 ::1 51000 1883\r\n": Origin("2001:db8::7", 51_000, 1883),
    b"PROXY TCP6 ::ffff:192.0.2.7 ::1 51000 1883\r\n": Origin("192.0.2.7", 51_000, 1883),
    b"PROXY UNKNOWN\r\n": UNKNOWN,
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n": UNKNOWN,
    block(0x21, 0x11, V4): Origin("192.0.2.7", 51_000, 1883),
    block(0x21, 0x11, V4 + TLVS): Origin("192.0.2.7", 51_000, 1883),
    block(0x21, 0x21, V6): Origin("2001:db8::7", 51_000, 1883),
    block(0x20, 0x00, b""): LOCAL,
    block(0x20, 0x11, V4): LOCAL,
    block(0x21, 0x00, b""): UNKNOWN,
    block(0x21, 0x31, bytes(216)): UNKNOWN,
}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("largest", [1, 3, 1_000])
def test_a_header_in_pieces_is_read_to_its_end_and_no_further(header: bytes, largest: int) -> None:
    assert read(header + TAIL, largest) == (HEADERS[header], len(header))


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS, st.integers(1, 40))
def test_any_version_1_line_says_who_came(
    host: object, own: object, port: int, own_port: int, largest: int
) -> None:
    line = f"PROXY TCP4 {host} {own} {port} {own_port}\r\n".encode()
    assert read(line + TAIL, largest) == (Origin(str(host), port, own_port), len(line))


@given(st.binary(min_size=4, max_size=4), PORTS, PORTS, st.binary(max_size=300))
def test_any_version_2_block_says_who_came_whatever_follows_the_addresses(
    host: bytes, port: int, own_port: int, rest: bytes
) -> None:
    header = block(0x21, 0x11, host + b"\x0a\0\0\1" + struct.pack("!HH", port, own_port) + rest)
    text = ".".join(map(str, host))
    assert read(header + TAIL) == (Origin(text, port, own_port), len(header))


@given(st.binary(max_size=400), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE]))
def test_no_bytes_break_the_parser_or_make_it_wait_for_more_than_its_bound(
    rest: bytes, start: bytes
) -> None:
    parser, stream = HeaderParser(), start + rest
    try:
        while parser.origin is None and stream:
            wants = parser.wants
            assert 0 < wants <= 16 + V2_LONGEST
            parser.feed(stream[:wants])
            stream = stream[wants:]
    except NoHeaderError:
        pass


@pytest.mark.parametrize(
    "stream",
    [
        TAIL,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaa",
        b"GET /mqtt HTTP/1.1\r\n",
        b"PROXYTCP4 192.0.2.7 10.0.0.1 51000 1883\r\n",
        b"PROXY TCP5 192.0.2.7 10.0.0.1 51000 1883\r\n",
        b"PROXY TCP4 192.0.2 10.0.0.1 51000 1883\r\n",
        b"PROXY TCP4 2001:db8::7 ::1 51000 1883\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 51000 65536\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 -1 1883\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 51000\r\n",
        b"PROXY TCP4 192.0.2.7  10.0.0.1 51000 1883\r\n",
        b"PROXY TCP4 \xff\xff\xff\xff 10.0.0.1 51000 1883\r\n",
        b"PROXY TCP4 " + b"1" * V1_LONGEST,
        b"PROXY UNKNOWN" + b" " * V1_LONGEST,
        block(0x22, 0x11, V4),
        block(0x11, 0x11, V4),
        block(0x21, 0x12, V4),
        block(0x21, 0x11, V4[:-1]),
        block(0x21, 0x21, V4),
        SIGNATURE + b"\x21\x11" + (V2_LONGEST + 1).to_bytes(2, "big"),
    ],
)
@pytest.mark.parametrize("largest", [1, 1_000])
def test_what_is_no_header_is_refused(stream: bytes, largest: int) -> None:
    with pytest.raises(NoHeaderError):
        read(stream, largest)


def test_a_line_of_the_longest_kind_is_read() -> None:
    address = ":".join(["ffff"] * 8)
    line = f"PROXY TCP6 {address} {address} 65535 65535\r\n".encode()
    assert read(line + TAIL) == (Origin(address, 65_535, 65_535), len(line))
    unknown = b"PROXY UNKNOWN" + b" " * (V1_LONGEST - 15) + b"\r\n"
    assert read(unknown + TAIL) == (UNKNOWN, V1_LONGEST)
