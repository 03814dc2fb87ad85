"""The part of BER that LDAP uses (RFC 4511, section 5.1): definite lengths, tags of one byte.

Pure: bytes in, bytes out. What comes in is not trusted: whatever does not fit raises `BerError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30
SET: Final = 0x31

MAX_LENGTH_BYTES: Final = 4
_LONG_FORM: Final = 0x80
_MAX_INTEGER_BYTES: Final = 8


class BerError(ValueError):
    """Bytes that are no BER, or none that is expected there."""


def element(tag: int, *parts: bytes) -> bytes:
    """Return an element of these contents."""
    content = b"".join(parts)
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return a whole number, or with its tag an enumerated one."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes | str, tag: int = OCTET_STRING) -> bytes:
    """Return bytes, or text as UTF-8."""
    return element(tag, value.encode() if isinstance(value, str) else value)


def long_form(first: int) -> int:
    """Return how many bytes of length follow the first one; 0 where that one is the length.

    Raises:
        BerError: Too many, or a length that is left open.
    """
    if first < _LONG_FORM:
        return 0
    count = first & ~_LONG_FORM
    if not 1 <= count <= MAX_LENGTH_BYTES:
        raise BerError("a length that is not supported")
    return count


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element.

    Raises:
        BerError: The last one is cut off.
    """
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise BerError("an element is cut off")
        tag, size = data[at], data[at + 1]
        at += 2
        if count := long_form(size):
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise BerError("an element is cut off")
        yield tag, data[at : at + size]
        at += size


def expect(found: Iterator[tuple[int, bytes]], tag: int) -> bytes:
    """Return the content of the next element.

    Raises:
        BerError: There is none, or it has another tag.
    """
    got, content = next(found, (None, b""))
    if got != tag:
        raise BerError(f"expected the tag 0x{tag:02x}")
    return content


def to_integer(content: bytes) -> int:
    """Return the number that is the content of an element.

    Raises:
        BerError: It is none, or too large.
    """
    if not 1 <= len(content) <= _MAX_INTEGER_BYTES:
        raise BerError("a number that is none")
    return int.from_bytes(content, "big", signed=True)
