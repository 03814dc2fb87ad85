"""PINGREQ and PINGRESP: two bytes each, and nothing to say but that one is alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from app.mqtt import wire
from app.mqtt.packet_type import PacketType, first_byte
from app.mqtt.packets.flags import require_flags


@dataclass(frozen=True, slots=True)
class Pingreq:
    """A client shows that it is alive and asks the same of the server."""

    TYPE: ClassVar[PacketType] = PacketType.PINGREQ

    def encode(self, version: int = 0) -> bytes:
        """Return the whole frame, the same in every version."""
        return _PINGREQ_FRAME

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Pingreq:
        """Read a body, which must be empty; the answer is always the one `PINGREQ`."""
        require_flags(PacketType.PINGREQ, flags, version)
        wire.require_end(body, 0)
        return PINGREQ


@dataclass(frozen=True, slots=True)
class Pingresp:
    """The server's answer to PINGREQ."""

    TYPE: ClassVar[PacketType] = PacketType.PINGRESP

    def encode(self, version: int = 0) -> bytes:
        """Return the whole frame, the same in every version."""
        return _PINGRESP_FRAME

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Pingresp:
        """Read a body, which must be empty; the answer is always the one `PINGRESP`."""
        require_flags(PacketType.PINGRESP, flags, version)
        wire.require_end(body, 0)
        return PINGRESP


PINGREQ: Final = Pingreq()
PINGRESP: Final = Pingresp()
_PINGREQ_FRAME: Final = bytes((first_byte(PacketType.PINGREQ), 0))
_PINGRESP_FRAME: Final = bytes((first_byte(PacketType.PINGRESP), 0))
