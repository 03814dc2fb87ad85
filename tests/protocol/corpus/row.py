"""Packets as data: bytes on one side, the packet meant or the fault on the other.

This module says what a row is and how its bytes are written, the others hold the rows, and
`test_corpus` runs them. New bug, new row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.mqtt.errors import MalformedPacket, MQTTError, ProtocolViolation
from app.mqtt.packets import Packet
from app.mqtt.reason_codes import ReasonCode

Sender = Literal["client", "server"]
CLIENT: Sender = "client"
SERVER: Sender = "server"

ALL = (3, 4, 5)
V3 = (3,)
V4 = (4,)
V5 = (5,)
V34 = (3, 4)
V45 = (4, 5)


@dataclass(frozen=True)
class Row:
    """One case: exactly one of `packet` and `error` is given."""

    name: str
    version: int
    sender: Sender
    frame: bytes
    packet: Packet | None = None
    error: type[MQTTError] | None = None
    reason: ReasonCode | None = None
    tags: tuple[str, ...] = ()
    canonical: bool = True
    """Encoding the packet gives the same bytes again."""

    def __str__(self) -> str:
        """Return the name that the row has in a test report."""
        return f"v{self.version} {self.name}"


def frame_bytes(text: str) -> bytes:
    """Turn `30 05 0003 'a/b' 00*16` into bytes: hex digits, quoted text, repetition."""
    parts = []
    for quoted, digits, times in re.findall(r"'([^']*)'|([0-9a-f]+)(?:\*(\d+))?", text):
        parts.append(bytes.fromhex(digits) * int(times or 1) if digits else quoted.encode())
    return b"".join(parts)


def good(
    name: str,
    versions: tuple[int, ...],
    sender: Sender,
    frame: str,
    packet: Packet,
    *tags: str,
    canonical: bool = True,
) -> Iterator[Row]:
    """Make rows, one a version, of a frame that means `packet`."""
    for version in versions:
        yield Row(name, version, sender, frame_bytes(frame), packet, tags=tags, canonical=canonical)


def malformed(
    name: str, versions: tuple[int, ...], sender: Sender, frame: str, *tags: str
) -> Iterator[Row]:
    """Make rows of a frame that cannot be read."""
    for version in versions:
        yield Row(
            name,
            version,
            sender,
            frame_bytes(frame),
            error=MalformedPacket,
            reason=ReasonCode.MALFORMED_PACKET,
            tags=tags,
        )


def forbidden(
    name: str,
    versions: tuple[int, ...],
    sender: Sender,
    frame: str,
    *tags: str,
    reason: ReasonCode = ReasonCode.PROTOCOL_ERROR,
) -> Iterator[Row]:
    """Make rows of a frame that can be read and is not allowed."""
    for version in versions:
        yield Row(
            name,
            version,
            sender,
            frame_bytes(frame),
            error=ProtocolViolation,
            reason=reason,
            tags=tags,
        )
