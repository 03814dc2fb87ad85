"""AUTH (section 3.15): without a plugin no method is offered, so every AUTH is out of place."""

from __future__ import annotations

from app.mqtt.packets import MQTT_3_1_1, Auth
from tests.protocol.conversations.script import (
    conversation,
    dials,
    disconnect,
    hears,
    is_closed,
    joins,
    says,
)

NUMBER = "15-auth"

CONVERSATIONS = (
    conversation(
        "AUTH before CONNECT ends the connection",
        "[MQTT-3.1.0-1]",
        dials("a"),
        says("a", Auth(0x18, {"authentication_method": "m"})),
        is_closed("a"),
    ),
    conversation(
        "AUTH without a method agreed upon is a protocol error",
        "[MQTT-4.12.0-7]",
        joins("a"),
        says("a", Auth(0x19, {"authentication_method": "m"})),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "packet type 15 closes a 3.1.1 connection",
        "2.2.1",
        joins("a", MQTT_3_1_1),
        says("a", b"\xf0\x00"),
        is_closed("a"),
    ),
)
