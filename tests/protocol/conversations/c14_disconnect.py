"""DISCONNECT (section 3.14), and how much a client is told of its faults."""

from __future__ import annotations

from app.mqtt.packets import MQTT_3_1_1, Disconnect, Puback, Publish
from tests.protocol.conversations.script import (
    conversation,
    disconnect,
    hears,
    is_closed,
    joins,
    leaves,
    like,
    says,
)

NUMBER = "14-disconnect"

CONVERSATIONS = (
    conversation(
        "the broker closes after DISCONNECT and says nothing",
        "3.14.4",
        joins("a"),
        says("a", Disconnect()),
        is_closed("a"),
    ),
    conversation(
        "the broker closes after a 3.1.1 DISCONNECT",
        "3.14.4",
        joins("a", MQTT_3_1_1),
        says("a", b"\xe0\x00"),
        is_closed("a"),
    ),
    conversation(
        "nothing behind DISCONNECT is obeyed",
        "3.14.4",
        joins("a"),
        says("a", Disconnect(), Publish("14late", b"x", 1, packet_id=1)),
        is_closed("a"),
    ),
    conversation(
        "DISCONNECT with flags is malformed",
        "[MQTT-3.14.1-1] [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1]",
        joins("a"),
        says("a", b"\xe1\x00"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
    conversation(
        "DISCONNECT may shorten the life of the session",
        "3.14.2.2.2",
        joins("a", properties={"session_expiry_interval": 60}),
        leaves("a", session_expiry_interval=0),
        joins("b", same_as="a", clean_start=False, present=False),
    ),
    conversation(
        "a session that was to end with its connection cannot be given a longer life",
        "3.14.2.2.2",
        joins("a"),
        says("a", Disconnect(0, {"session_expiry_interval": 60})),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "a client that wants no problem information gets no reason string",
        "[MQTT-3.1.2-29]",
        joins("a", properties={"request_problem_information": 0}),
        says("a", Publish("14none", b"x", 1, packet_id=1)),
        hears("a", Puback(1, 0x10)),
        says("a", b"\x80\x07\x00\x01\x00\x00\x01t\x00"),
        hears("a", like(Disconnect, reason_code=0x81)),
        is_closed("a"),
    ),
)
