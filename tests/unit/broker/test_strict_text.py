"""What strict mode refuses, and that nothing is refused without it."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.strict_text import is_discouraged
from app.mqtt.packets import Connack, Disconnect, Publish, Suback, Subscribe, SubscribeFilter, Will
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Playbook, connect_packet, only, refusal

ODD = "a\x07b"


@pytest.mark.parametrize(
    "text", ["\x01", "a\x1f", "\x7f", "\x9f", "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0010ffff"]
)
def test_control_characters_and_non_characters_are_discouraged(text: str) -> None:
    assert is_discouraged(text)


@pytest.mark.parametrize("text", ["", " ", "~", "\xa0", "é", "\ufeff", "\ufffd", "\U0001f600"])
def test_other_text_is_not(text: str) -> None:
    assert not is_discouraged(text)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"clientid": ODD}, ReasonCode.CLIENT_IDENTIFIER_NOT_VALID),
        ({"username": ODD}, ReasonCode.BAD_USER_NAME_OR_PASSWORD),
        ({"will": Will(ODD, b"")}, ReasonCode.TOPIC_NAME_INVALID),
    ],
)
def test_connect_is_refused_in_strict_mode(fields: dict[str, Any], reason: ReasonCode) -> None:
    strict, lenient = (Playbook(mqtt={"strict_mode": is_on}).client() for is_on in (True, False))
    for client in (strict, lenient):
        client.sends(connect_packet(**fields))
    assert refusal(strict) == (Connack, reason)
    assert only(lenient.receives()).reason_code == 0


def test_a_topic_is_refused_in_strict_mode() -> None:
    playbook = Playbook(mqtt={"strict_mode": True})
    client = playbook.connect()
    client.sends(Publish(ODD, b""))
    assert refusal(client) == (Disconnect, ReasonCode.TOPIC_NAME_INVALID)
    assert playbook.counted()["packets.publish.error"] == 1


def test_a_filter_is_refused_in_strict_mode() -> None:
    client = Playbook(mqtt={"strict_mode": True}).connect()
    client.sends(Subscribe(1, (SubscribeFilter(ODD, 0), SubscribeFilter("fine", 0))))
    assert client.receives() == [Suback(1, (ReasonCode.TOPIC_FILTER_INVALID, 0))]


def test_without_strict_mode_any_topic_goes() -> None:
    client = Playbook().connect()
    client.subscribes(ODD)
    client.sends(Publish(ODD, b""))
    assert only(client.receives()).topic == ODD
