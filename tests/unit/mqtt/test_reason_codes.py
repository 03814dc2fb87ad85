"""The table of reason codes and what is read off it."""

from __future__ import annotations

import pytest

from app.mqtt.packets import PacketType
from app.mqtt.reason_codes import (
    REASONS,
    ReasonCode,
    connack_v3,
    from_connack_v3,
    is_allowed,
    text,
)


def test_every_code_has_its_row() -> None:
    assert set(REASONS) == set(ReasonCode)
    assert len(REASONS) == 43
    assert all(row.code is code and row.packets for code, row in REASONS.items())


def test_zero_has_three_names() -> None:
    names = [name for name, code in ReasonCode.__members__.items() if code == 0]
    assert names == ["SUCCESS", "NORMAL_DISCONNECTION", "GRANTED_QOS_0"]
    assert ReasonCode(0).name == "SUCCESS"


def test_texts_are_emqx_names_and_unique() -> None:
    assert text(0x87) == "not_authorized"
    assert text(0x8A) == "banned"
    assert text(0x8D) == "keepalive_timeout"
    assert text(0x03) == "unknown_error"
    assert len({row.text for row in REASONS.values()}) == len(REASONS)


@pytest.mark.parametrize(
    ("reasons", "return_code"),
    [
        ((0x00,), 0),
        ((0x81, 0x82, 0x83, 0x84), 1),
        ((0x85,), 2),
        ((0x88, 0x89, 0x8B, 0x90, 0x97, 0x9C, 0x9D, 0x9F, 0x80, 0x95, 0xFF), 3),
        ((0x86,), 4),
        ((0x87, 0x8A, 0x8C), 5),
    ],
)
def test_older_connack_says_the_reason(reasons: tuple[int, ...], return_code: int) -> None:
    assert {connack_v3(reason) for reason in reasons} == {return_code}


@pytest.mark.parametrize("return_code", range(6))
def test_older_return_code_keeps_its_meaning(return_code: int) -> None:
    assert connack_v3(from_connack_v3(return_code)) == return_code


@pytest.mark.parametrize(
    ("packet_type", "version", "allowed"),
    [
        (PacketType.PUBREL, 5, {0x00, 0x92}),
        (PacketType.PUBCOMP, 5, {0x00, 0x92}),
        (PacketType.AUTH, 5, {0x00, 0x18, 0x19}),
        (PacketType.PUBACK, 5, {0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}),
        (PacketType.UNSUBACK, 5, {0, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91}),
        (
            PacketType.SUBACK,
            5,
            {0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2},
        ),
        (PacketType.SUBACK, 4, {0, 1, 2, 0x80}),
        (PacketType.CONNACK, 4, {0, 1, 2, 3, 4, 5}),
    ],
)
def test_packets_carry_their_own_codes_only(
    packet_type: PacketType, version: int, allowed: set[int]
) -> None:
    assert {code for code in range(256) if is_allowed(code, packet_type, version)} == allowed
