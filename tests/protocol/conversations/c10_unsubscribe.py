"""UNSUBSCRIBE and UNSUBACK (sections 3.10 and 3.11)."""

from __future__ import annotations

from app.mqtt.packets import (
    MQTT_3_1_1,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsuback,
    Unsubscribe,
)
from tests.protocol.conversations.script import (
    conversation,
    disconnect,
    hears,
    hears_nothing,
    is_closed,
    joins,
    says,
)

NUMBER = "10-unsubscribe"


def subscribe(topic_filter: str, qos: int = 0) -> Subscribe:
    return Subscribe(1, (SubscribeFilter(topic_filter, qos),))


CONVERSATIONS = (
    conversation(
        "what was unsubscribed is not delivered any more",
        "[MQTT-3.10.4-1] [MQTT-3.10.4-2]",
        joins("a"),
        says("a", subscribe("10gone"), Unsubscribe(2, ("10gone",)), Publish("10gone", b"x")),
        hears("a", Suback(1, (0,)), Unsuback(2, (0,))),
        hears_nothing("a"),
    ),
    conversation(
        "a filter that was not subscribed is answered with 0x11, each in order",
        "[MQTT-3.11.3-1] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-2.2.1-6]",
        joins("a"),
        says("a", subscribe("10known"), Unsubscribe(2, ("10other", "10known", "10known"))),
        hears("a", Suback(1, (0,)), Unsuback(2, (0x11, 0, 0x11))),
    ),
    conversation(
        "3.1.1 gets UNSUBACK for a filter that was not subscribed",
        "[MQTT311-3.10.4-5] [MQTT311-3.10.4-4]",
        joins("a", MQTT_3_1_1),
        says("a", Unsubscribe(9, ("10never",))),
        hears("a", Unsuback(9)),
    ),
    conversation(
        "filters are compared letter by letter, not matched",
        "[MQTT-3.10.4-1]",
        joins("a"),
        says("a", subscribe("10exact/x"), Unsubscribe(2, ("10exact/+", "10exact/#"))),
        hears("a", Suback(1, (0,)), Unsuback(2, (0x11, 0x11))),
        says("a", Publish("10exact/x", b"x")),
        hears("a", Publish("10exact/x", b"x")),
    ),
    conversation(
        "a delivery that was begun is completed after UNSUBSCRIBE",
        "[MQTT-3.10.4-3]",
        joins("a"),
        says("a", subscribe("10begun", 1)),
        hears("a", Suback(1, (1,))),
        joins("p"),
        says("p", Publish("10begun", b"x", 1, packet_id=1)),
        hears("a", Publish("10begun", b"x", 1, packet_id=1)),
        says("a", Unsubscribe(2, ("10begun",)), Puback(1)),
        hears("a", Unsuback(2, (0,))),
        hears_nothing("a"),
    ),
    conversation(
        "UNSUBSCRIBE without filters is a protocol error",
        "[MQTT-3.10.3-2]",
        joins("a"),
        says("a", b"\xa2\x03\x00\x01\x00"),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "UNSUBSCRIBE with flags other than 2 is malformed",
        "[MQTT-3.10.1-1]",
        joins("a"),
        says("a", b"\xa0\x06\x00\x01\x00\x00\x01t"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
)
