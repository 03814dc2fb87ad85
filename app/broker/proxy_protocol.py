"""The PROXY protocol's header, versions 1 and 2: who stands behind the proxy that connects.

Sans-I/O. The parser says how many bytes may be read without passing the header's end, so that what follows stays in
the socket for whoever is next: TLS, WebSocket or MQTT.

Source: HAProxy, "The PROXY protocol", versions 1 and 2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1_LONGEST = 107
V1_SHORTEST = len(b"PROXY UNKNOWN\r\n")
V2_FIXED = 16
V2_LONGEST = 4_096
"""Addresses and TLVs; a certificate in a TLV fits, a flood does not."""
LINE_END = b"\r\n"


class NoHeaderError(Exception):
    """The connection does not begin with a header that can be used."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a header says. Without a host the real connection's addresses hold."""

    host: str = ""
    port: int = 0
    own_port: int = 0
    is_proxied: bool = True
    """False where the proxy speaks for itself (LOCAL)."""
    cert_cn: str | None = None
    """Common name of the client's certificate, where the proxy has ended its TLS and verified it."""


LOCAL = Origin(is_proxied=False)
UNKNOWN = Origin()


class HeaderParser:
    """Reads one header; bytes in pieces of any size up to `wants`."""

    def __init__(self) -> None:
        """Wait for the first byte."""
        self._held = bytearray()
        self.origin: Origin | None = None
        """What the header says, once it is complete."""

    @property
    def wants(self) -> int:
        """Return how many bytes are certain to belong to the header still; 0 when it is complete."""
        if self.origin is not None:
            return 0
        held = self._held
        if held[:1] == b"P":
            # A line may end with the next two bytes, or with the next one where the last was its CR.
            return max(V1_SHORTEST - len(held), 1 if held.endswith(b"\r") else 2)
        if len(held) < V2_FIXED:
            # Nothing shorter than a version 1 line is a header.
            return (V2_FIXED if held else V1_SHORTEST) - len(held)
        return V2_FIXED + self._v2_length() - len(held)

    def feed(self, data: bytes) -> None:
        """Take bytes, at most `wants` of them.

        Raises:
            NoHeaderError: This cannot become a header.
        """
        self._held += data
        held = bytes(self._held)
        if held[:1] == b"P":
            self._feed_v1(held)
        else:
            self._feed_v2(held)

    def _feed_v1(self, held: bytes) -> None:
        if not held.startswith(b"PROXY "[: len(held)]):
            raise NoHeaderError("no header")
        if held.endswith(LINE_END):
            self.origin = _read_line(held)
        elif len(held) >= V1_LONGEST:
            raise NoHeaderError("a line without an end")

    def _feed_v2(self, held: bytes) -> None:
        if not held.startswith(SIGNATURE[: len(held)]):
            raise NoHeaderError("no header")
        if len(held) < V2_FIXED:
            return
        if self._v2_length() > V2_LONGEST:
            raise NoHeaderError("a header that is too long")
        if len(held) == V2_FIXED + self._v2_length():
            self.origin = _read_block(held)

    def _v2_length(self) -> int:
        return int.from_bytes(self._held[14:16], "big")


LINE_KINDS: dict[str, type[IPv4Address | IPv6Address]] = {"TCP4": IPv4Address, "TCP6": IPv6Address}


def _read_line(line: bytes) -> Origin:
    try:
        words = line[: -len(LINE_END)].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise NoHeaderError("a line that is not ASCII") from None
    if words[1] == "UNKNOWN":
        return UNKNOWN
    kind = LINE_KINDS.get(words[1])
    if kind is None or len(words) != 6:
        raise NoHeaderError("a line of no known kind")
    try:
        host, _own = kind(words[2]), kind(words[3])
    except ValueError:
        raise NoHeaderError("a line without addresses") from None
    return Origin(_text_of(host), _port(words[4]), _port(words[5]))


def _port(word: str) -> int:
    if not (word.isdecimal() and len(word) <= 5 and int(word) <= 65_535):
        raise NoHeaderError("a line without ports")
    return int(word)


ADDRESSES: dict[int, tuple[struct.Struct, type[IPv4Address | IPv6Address]]] = {
    0x11: (struct.Struct("!4s4sHH"), IPv4Address),
    0x21: (struct.Struct("!16s16sHH"), IPv6Address),
}
"""TCP over IPv4, TCP over IPv6."""
NO_ADDRESS = {0x00, 0x31}
"""Unspecified, and a socket file at the proxy."""


def _read_block(block: bytes) -> Origin:
    command, kind = block[12], block[13]
    if command == 0x20:
        return LOCAL
    if command != 0x21:
        raise NoHeaderError("a header of no known version and command")
    if kind in NO_ADDRESS:
        return UNKNOWN
    if kind not in ADDRESSES:
        raise NoHeaderError("a header of no known kind")
    layout, address = ADDRESSES[kind]
    if len(block) < V2_FIXED + layout.size:
        raise NoHeaderError("a header without addresses")
    host, _own, port, own_port = layout.unpack_from(block, V2_FIXED)
    cert_cn = _verified_cn(block[V2_FIXED + layout.size :])
    return Origin(_text_of(address(host)), port, own_port, cert_cn=cert_cn)


TLS_INFO = struct.Struct("!BI")
"""How the client came to the proxy, and 0 where its certificate was verified."""
TLV_TLS, TLV_TLS_CN = 0x20, 0x22
SHOWED_A_CERTIFICATE = 0x02 | 0x04
"""In this connection, or in the TLS session that it goes on with."""


def _verified_cn(rest: bytes) -> str | None:
    """Return the common name in what follows the addresses; None where there is none that was verified."""
    info = _tlvs(rest).get(TLV_TLS, b"")
    if len(info) < TLS_INFO.size:
        return None
    how, verify = TLS_INFO.unpack_from(info)
    if verify or not how & SHOWED_A_CERTIFICATE:
        return None
    try:
        return _tlvs(info[TLS_INFO.size :]).get(TLV_TLS_CN, b"").decode() or None
    except UnicodeDecodeError:
        return None


def _tlvs(rest: bytes) -> dict[int, bytes]:
    """Return values by type; one that goes beyond the end is none, and nothing follows it."""
    found: dict[int, bytes] = {}
    while len(rest) >= 3:
        end = 3 + int.from_bytes(rest[1:3], "big")
        if end > len(rest):
            break
        found.setdefault(rest[0], rest[3:end])
        rest = rest[end:]
    return found


def _text_of(address: IPv4Address | IPv6Address) -> str:
    """Return an address as text; an IPv4 address that came in over IPv6 is IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
