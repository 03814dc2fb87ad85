"""The check that every packet class makes of its first byte's lower half."""

from __future__ import annotations

from app.mqtt.errors import MalformedPacket
from app.mqtt.packet_type import PacketType, allowed_flags


def require_flags(packet_type: PacketType, flags: int, version: int) -> None:
    """Refuse flags that the type must not carry [MQTT-2.1.3-1].

    Raises:
        MalformedPacket: A reserved flag has the wrong value, or a PUBLISH has QoS 3 or DUP at QoS
            0.
    """
    if flags not in allowed_flags(packet_type, version):
        raise MalformedPacket(f"{packet_type.name} with flags 0x{flags:x}")
