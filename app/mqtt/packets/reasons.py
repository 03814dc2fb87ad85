"""Reading reason codes out of packets: one check for all of them."""

from __future__ import annotations

from app.mqtt import wire
from app.mqtt.errors import ProtocolViolation
from app.mqtt.packet_type import MQTT_5, PacketType
from app.mqtt.reason_codes import is_allowed


def read_reason(body: bytes, pos: int, packet_type: PacketType) -> tuple[int, int]:
    """Read one reason code of an MQTT 5 packet.

    Raises:
        ProtocolViolation: The code does not exist or belongs to other packets.
    """
    reason, pos = wire.read_byte(body, pos)
    require_reasons((reason,), packet_type, MQTT_5)
    return reason, pos


def require_reasons(reasons: tuple[int, ...], packet_type: PacketType, version: int) -> None:
    """Refuse codes that `packet_type` cannot carry in `version`."""
    for reason in reasons:
        if not is_allowed(reason, packet_type, version):
            raise ProtocolViolation(f"{packet_type.name} with reason code 0x{reason:02x}")
