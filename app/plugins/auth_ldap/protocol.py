"""Messages of LDAP 3 (RFC 4511): what we send, and what of the answers matters.

Pure. A filter is built of its parts, never of text, so that no value can become a part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.plugins.auth_ldap import ber
from app.plugins.auth_ldap.ber import BerError

BIND, UNBIND, SEARCH = 0x60, 0x42, 0x63
BOUND, ENTRY, DONE, NOTICE = 0x61, 0x64, 0x65, 0x78
SIMPLE: Final = 0x80
AND, OR, EQUALITY = 0xA0, 0xA1, 0xA3
WHOLE_SUBTREE: Final = 2
DEREF_FINDING_BASE: Final = 2
MAX_ENTRIES: Final = 2
"""One is wanted; with a second one it is unclear who is meant."""

SUCCESS, SIZE_LIMIT_EXCEEDED, NO_SUCH_OBJECT = 0, 4, 32
FAULTS = frozenset((1, 2, 3, 51, 52, 80))
"""The server's own affair: operationsError, protocolError, timeLimitExceeded, busy, unavailable, other."""
_SPECIAL = frozenset(',+"\\<>;=')


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory."""

    dn: bytes
    attributes: dict[str, list[bytes]] = field(repr=False)
    """By name in lower case."""

    def values(self, attribute: str) -> list[bytes]:
        """Return the values of an attribute, whichever way its name is written."""
        return self.attributes.get(attribute.lower(), [])


@dataclass(frozen=True, slots=True)
class Reply:
    """One message from the server."""

    message_id: int
    operation: int
    content: bytes = field(repr=False)


def bind(message_id: int, dn: bytes | str, password: bytes) -> bytes:
    """Return a request to log in with a password (section 4.2)."""
    body = (ber.integer(3), ber.octets(dn), ber.octets(password, SIMPLE))
    return _message(message_id, ber.element(BIND, *body))


def unbind(message_id: int) -> bytes:
    """Return a good-bye (section 4.3)."""
    return _message(message_id, ber.element(UNBIND))


def search(
    message_id: int, base: str, condition: bytes, attributes: Sequence[str], limit_s: int
) -> bytes:
    """Return a request for entries at and below another one (section 4.5.1).

    Args:
        message_id: What the answers will carry.
        base: The other one's name.
        condition: Made by `equals` and `join`.
        attributes: What is wanted of the entries.
        limit_s: How long the server may search.
    """
    body = (
        ber.octets(base),
        ber.integer(WHOLE_SUBTREE, ber.ENUMERATED),
        ber.integer(DEREF_FINDING_BASE, ber.ENUMERATED),
        ber.integer(MAX_ENTRIES),
        ber.integer(limit_s),
        ber.element(ber.BOOLEAN, b"\0"),
        condition,
        ber.element(ber.SEQUENCE, *map(ber.octets, attributes)),
    )
    return _message(message_id, ber.element(SEARCH, *body))


def equals(attribute: str, value: str) -> bytes:
    """Return the condition that an attribute has a value."""
    return ber.element(EQUALITY, ber.octets(attribute), ber.octets(value))


def join(operator: int, *conditions: bytes) -> bytes:
    """Return the condition that all (`AND`) or one (`OR`) of several hold."""
    return ber.element(operator, *conditions)


def read_reply(content: bytes) -> Reply:
    """Take the content of a message apart (section 4.1.1).

    Raises:
        BerError: It is none.
    """
    parts = ber.elements(content)
    message_id = ber.to_integer(ber.expect(parts, ber.INTEGER))
    operation, body = next(parts, (0, b""))
    return Reply(message_id, operation, body)


def read_result(reply: Reply) -> int:
    """Return the code of a result (section 4.1.9); its texts may quote what a client said.

    Raises:
        BerError: It is none.
    """
    return ber.to_integer(ber.expect(ber.elements(reply.content), ber.ENUMERATED))


def read_entry(reply: Reply) -> Entry:
    """Return an entry (section 4.5.2).

    Raises:
        BerError: It is none.
    """
    parts = ber.elements(reply.content)
    dn = ber.expect(parts, ber.OCTET_STRING)
    attributes: dict[str, list[bytes]] = {}
    for tag, attribute in ber.elements(ber.expect(parts, ber.SEQUENCE)):
        if tag != ber.SEQUENCE:
            raise BerError("an attribute that is none")
        inner = ber.elements(attribute)
        name = ber.expect(inner, ber.OCTET_STRING).decode("utf-8", "replace").lower()
        values = ber.elements(ber.expect(inner, ber.SET))
        attributes[name] = [value for _, value in values]
    return Entry(dn, attributes)


def escaped(value: str) -> str:
    """Return a text as the value of one part of a name (RFC 4514, section 2.4)."""
    made = "".join(f"\\{one}" if one in _SPECIAL else one for one in value)
    if made[:1] in (" ", "#"):
        made = "\\" + made
    if len(value) > 1 and value.endswith(" "):
        made = made[:-1] + "\\ "
    return made


def _message(message_id: int, operation: bytes) -> bytes:
    return ber.element(ber.SEQUENCE, ber.integer(message_id), operation)
