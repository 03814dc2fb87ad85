"""Which flags each packet may carry."""

from __future__ import annotations

import pytest

from app.mqtt.packet_type import PacketType, allowed_flags, first_byte


def test_publish_has_ten_first_bytes() -> None:
    flags = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13}
    assert all(allowed_flags(PacketType.PUBLISH, version) == flags for version in (3, 4, 5))


@pytest.mark.parametrize("packet_type", set(PacketType) - {PacketType.PUBLISH})
def test_other_flags_are_fixed(packet_type: PacketType) -> None:  # [MQTT-2.1.3-1]
    acknowledged = packet_type in {6, 8, 10}
    assert first_byte(packet_type) == packet_type * 16 + (2 if acknowledged else 0)
    for version in (4, 5):
        assert allowed_flags(packet_type, version) == {first_byte(packet_type) & 15}
    assert allowed_flags(packet_type, 3) == ({2, 10} if acknowledged else {0})
