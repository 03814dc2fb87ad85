"""PINGREQ and PINGRESP (sections 3.12 and 3.13), and what no client may send."""

from __future__ import annotations

from app.mqtt.packets import MQTT_3_1, MQTT_3_1_1, PINGREQ, PINGRESP
from tests.protocol.conversations.script import (
    conversation,
    disconnect,
    hears,
    is_closed,
    joins,
    says,
)

NUMBER = "12-ping"

CONVERSATIONS = (
    conversation(
        "each ping is answered",
        "[MQTT-3.12.4-1]",
        joins("a"),
        says("a", PINGREQ, PINGREQ),
        hears("a", PINGRESP, PINGRESP),
    ),
    conversation(
        "each ping of 3.1 and 3.1.1 is answered",
        "[MQTT311-3.12.4-1]",
        joins("a", MQTT_3_1),
        joins("b", MQTT_3_1_1),
        says("a", PINGREQ),
        says("b", PINGREQ),
        hears("a", PINGRESP),
        hears("b", PINGRESP),
    ),
    conversation(
        "a ping with flags is malformed",
        "[MQTT-2.1.3-1]",
        joins("a"),
        says("a", b"\xc1\x00"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
    conversation(
        "a ping with a body is malformed",
        "3.12.2",
        joins("a"),
        says("a", b"\xc0\x01x"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
    conversation(
        "PINGRESP from a client is a protocol error",
        "3.13",
        joins("a"),
        says("a", PINGRESP),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "packet type 0 is malformed",
        "2.1.2",
        joins("a"),
        says("a", b"\x00\x00"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
    conversation(
        "a Remaining Length of five bytes is malformed",
        "[MQTT-1.5.5-1]",
        joins("a"),
        says("a", b"\x30\xff\xff\xff\xff\x01"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
)
