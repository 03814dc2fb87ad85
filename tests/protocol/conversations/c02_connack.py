"""CONNACK (section 3.2): what a client is told about session and server."""

from __future__ import annotations

from app.mqtt.packets import MQTT_3_1_1, MQTT_5, Connect
from tests.protocol.conversations.script import (
    connack,
    conversation,
    dials,
    hears,
    is_closed,
    joins,
    leaves,
    says,
)

NUMBER = "02-connack"

CONVERSATIONS = (
    conversation(
        "the first clean start has no session present",
        "[MQTT-3.2.2-2]",
        joins("a", present=False),
    ),
    conversation(
        "session present tells of a kept session, and only then",
        "[MQTT-3.2.2-2] [MQTT-3.2.2-3]",
        joins("a", clean_start=False, properties={"session_expiry_interval": 60}),
        leaves("a"),
        joins("b", same_as="a", clean_start=False, present=True),
        leaves("b"),
        joins("c", same_as="a", clean_start=False, present=False),
    ),
    conversation(
        "session present is 0 after a clean start",
        "[MQTT-3.2.2-2]",
        joins("a", properties={"session_expiry_interval": 60}),
        leaves("a"),
        joins("b", same_as="a", clean_start=True, present=False),
    ),
    conversation(
        "the 3.1.1 CONNACK is four bytes",
        "[MQTT311-3.1.4-4]",
        dials("a", MQTT_3_1_1),
        says("a", Connect("MQTT", MQTT_3_1_1, True, 0, "02-four")),
        hears("a", connack()),
    ),
    conversation(
        "an id that the client chose is not repeated as assigned",
        "[MQTT-3.2.2-16]",
        dials("a"),
        says("a", Connect("MQTT", MQTT_5, True, 0, "02-own")),
        hears("a", connack(absent="assigned_client_identifier")),
    ),
    conversation(
        "without authentication method the answer has none",
        "[MQTT-4.12.0-6]",
        dials("a"),
        says("a", Connect("MQTT", MQTT_5, True, 0, "02-plain")),
        hears("a", connack(absent="authentication_method authentication_data")),
    ),
    conversation(
        "the server names what it offers",
        "3.2.2.3",
        dials("a"),
        says("a", Connect("MQTT", MQTT_5, True, 0, "02-offer")),
        hears("a", connack(absent="maximum_qos", topic_alias_maximum=65535)),
    ),
    conversation(
        "response information is not sent unasked",
        "[MQTT-3.1.2-28]",
        dials("a"),
        says("a", Connect("MQTT", MQTT_5, True, 0, "02-unasked")),
        hears("a", connack(absent="response_information")),
    ),
    conversation(
        "an unknown authentication method is refused",
        "[MQTT-4.12.0-1] [MQTT-3.2.2-7] [MQTT-4.13.2-1]",
        dials("a"),
        says(
            "a",
            Connect(
                "MQTT", MQTT_5, True, 0, "02-method", properties={"authentication_method": "ROT13"}
            ),
        ),
        hears("a", connack(0x8C)),
        is_closed("a"),
    ),
)
