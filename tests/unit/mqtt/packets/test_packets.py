"""Every packet of every version comes back as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mqtt.errors import MalformedPacket
from app.mqtt.packets import (
    Auth,
    Connack,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Pubrec,
    Pubrel,
    Suback,
    Unsuback,
)
from app.mqtt.reason_codes import ReasonCode, connack_v3
from app.mqtt.wire import try_varint
from tests.unit.mqtt.strategies import connects, from_client, from_server, patient


@pytest.mark.parametrize("version", [3, 4, 5])
@patient
@given(data=st.data())
def test_packet_comes_back_from_its_own_class(version: int, data: st.DataObject) -> None:
    packet: Packet = data.draw(connects(version) | from_client(version) | from_server(version))
    frame = packet.encode(version)
    length, pos = try_varint(frame, 1)
    assert frame[0] >> 4 == packet.TYPE
    assert length == len(frame) - pos
    assert type(packet).decode(frame[0] & 15, frame[pos:], version) == packet


@pytest.mark.parametrize("reason", list(ReasonCode))
@pytest.mark.parametrize("version", [3, 4])
def test_connack_of_older_versions_says_the_reason_best(reason: int, version: int) -> None:
    present = version == 4 and reason == 0
    assert Connack(True, reason).encode(version) == bytes((0x20, 2, present, connack_v3(reason)))


def test_refusal_never_speaks_of_a_session() -> None:  # [MQTT-3.2.2-6]
    assert Connack(True, 0x87).encode(5) == b"\x20\x03\x00\x87\x00"


def test_older_versions_hear_of_no_reason() -> None:
    assert Suback(1, (0x87, 2, 0xA2)).encode(4) == b"\x90\x05\x00\x01\x80\x02\x80"
    assert Unsuback(1, (0x11, 0)).encode(4) == b"\xb0\x02\x00\x01"
    assert Puback(1, 0x10, {"reason_string": "x"}).encode(4) == b"\x40\x02\x00\x01"


def test_acks_of_different_types_differ() -> None:
    acks = (Puback(1), Pubrec(1), Pubrel(1), Pubcomp(1))
    assert [[one == other for other in acks] for one in acks] == [
        [row == column for column in range(4)] for row in range(4)
    ]
    assert repr(Pubrel(1)) == "Pubrel(packet_id=1, reason_code=0, properties={})"


def test_pings_are_single_objects() -> None:
    assert Pingreq.decode(0, b"", 4) is Pingreq.decode(0, b"", 5)
    assert Pingresp.decode(0, b"", 4) is Pingresp.decode(0, b"", 5)


def test_flags_are_checked_by_the_packet_itself() -> None:  # [MQTT-2.1.3-1]
    with pytest.raises(MalformedPacket):
        Pubrel.decode(0, b"\0\1", 4)
    with pytest.raises(MalformedPacket):
        Auth.decode(0, b"", 4)
