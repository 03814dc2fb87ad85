"""Faults of the peer carry a reason and a sentence."""

from __future__ import annotations

import pytest

from app.mqtt.errors import MalformedPacket, MQTTError, PacketTooLarge, ProtocolViolation
from app.mqtt.reason_codes import ReasonCode


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MQTTError, ReasonCode.UNSPECIFIED_ERROR),
        (MalformedPacket, ReasonCode.MALFORMED_PACKET),
        (ProtocolViolation, ReasonCode.PROTOCOL_ERROR),
        (PacketTooLarge, ReasonCode.PACKET_TOO_LARGE),
    ],
)
def test_each_class_has_its_own_reason(error: type[MQTTError], reason: ReasonCode) -> None:
    assert error("why").reason is reason
    assert error("why").detail == "why"


def test_reason_can_be_more_precise() -> None:
    error = ProtocolViolation("no topic", ReasonCode.TOPIC_NAME_INVALID)
    assert error.reason is ReasonCode.TOPIC_NAME_INVALID
    assert str(error) == "no topic (topic_name_invalid)"


def test_too_large_is_a_protocol_violation() -> None:
    assert issubclass(PacketTooLarge, ProtocolViolation)
