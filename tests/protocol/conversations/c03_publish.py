"""PUBLISH (section 3.3): flags, topic, aliases, identifiers, expiry."""

from __future__ import annotations

from dataclasses import dataclass

from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Disconnect,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
)
from app.mqtt.properties import Properties
from tests.protocol.conversations.script import (
    conversation,
    disconnect,
    hears,
    hears_nothing,
    is_closed,
    joins,
    leaves,
    like,
    says,
    time_passes,
)

NUMBER = "03-publish"
KEPT: Properties = {"session_expiry_interval": 60}


def subscribe(topic_filter: str, qos: int = 1, identifier: int = 0) -> Subscribe:
    properties: Properties = {"subscription_identifier": [identifier]} if identifier else {}
    return Subscribe(1, (SubscribeFilter(topic_filter, qos),), properties)


PROPERTIES = Publish(
    "03props",
    b"x",
    properties={
        "payload_format_indicator": 1,
        "content_type": "text/plain",
        "response_topic": "answer/here",
        "correlation_data": b"\x00\xff",
        "user_property": [("b", "2"), ("a", "1"), ("b", "3")],
    },
)


@dataclass(frozen=True)
class WithLeft:
    """Equal to a PUBLISH with so many seconds left of its expiry interval."""

    payload: bytes
    least: int
    most: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Publish) or other.payload != self.payload:
            return False
        return self.least <= other.properties.get("message_expiry_interval", 0) <= self.most

    __hash__ = None  # type: ignore[assignment]


CONVERSATIONS = (
    conversation(
        "a QoS of 3 is malformed",
        "[MQTT-3.3.1-4] [MQTT-4.13.1-1]",
        joins("a"),
        says("a", b"\x36\x07\x00\x01t\x00\x01\x00x"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
    conversation(
        "a QoS of 3 closes a 3.1.1 connection",
        "[MQTT311-3.3.1-4]",
        joins("a", MQTT_3_1_1),
        says("a", b"\x36\x06\x00\x01t\x00\x01x"),
        is_closed("a"),
    ),
    conversation(
        "DUP at QoS 0 is malformed",
        "[MQTT-3.3.1-2]",
        joins("a"),
        says("a", b"\x38\x05\x00\x01t\x00x"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
    conversation(
        "a packet identifier of 0 is a protocol error",
        "[MQTT-2.2.1-3]",
        joins("a"),
        says("a", b"\x32\x07\x00\x01t\x00\x00\x00x"),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "a wildcard in a topic name is refused",
        "[MQTT-3.3.2-2]",
        joins("a"),
        says("a", b"\x30\x07\x00\x04t/+x\x00"),
        hears("a", disconnect(0x90)),
        is_closed("a"),
    ),
    conversation(
        "a topic name that is not UTF-8 is malformed",
        "[MQTT-1.5.4-1] [MQTT-3.3.2-1]",
        joins("a"),
        says("a", b"\x30\x05\x00\x02\xff\xfe\x00"),
        hears("a", disconnect(0x81)),
        is_closed("a"),
    ),
    conversation(
        "a topic name with a null character closes the connection",
        "[MQTT311-1.5.3-2] [MQTT311-4.7.3-2]",
        joins("a", MQTT_3_1_1),
        says("a", b"\x30\x05\x00\x03a\x00b"),
        is_closed("a"),
    ),
    conversation(
        "an empty topic name without an alias ends the connection",
        "[MQTT-4.7.3-1]",
        joins("a"),
        says("a", b"\x30\x03\x00\x00\x00"),
        hears("a", like(Disconnect)),
        is_closed("a"),
    ),
    conversation(
        "an empty payload is a message like any other",
        "3.3.3",
        joins("a"),
        says("a", subscribe("03empty"), Publish("03empty", b"")),
        hears("a", Suback(1, (1,)), Publish("03empty", b"")),
    ),
    conversation(
        "a message reaches 3.1.1 and 5 alike, each in its own form",
        "3.3.4",
        joins("old", MQTT_3_1_1),
        joins("new", MQTT_5),
        says("old", subscribe("03both", 0)),
        says("new", subscribe("03both", 0)),
        hears("old", Suback(1, (0,))),
        hears("new", Suback(1, (0,))),
        says("new", Publish("03both", b"x", properties={"content_type": "text"})),
        hears("old", Publish("03both", b"x")),
        hears("new", Publish("03both", b"x", properties={"content_type": "text"})),
    ),
    conversation(
        "all properties of a message arrive unaltered, user properties in order",
        "[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]",
        joins("a"),
        joins("b"),
        says("b", subscribe("03props")),
        hears("b", Suback(1, (1,))),
        says("a", PROPERTIES),
        hears("b", PROPERTIES),
    ),
    conversation(
        "the DUP flag of the publisher is not passed on",
        "[MQTT-3.3.1-3]",
        joins("a"),
        joins("b"),
        says("b", subscribe("03dup")),
        hears("b", Suback(1, (1,))),
        says("a", Publish("03dup", b"x", 1, dup=True, packet_id=5)),
        hears("a", Puback(5)),
        hears("b", Publish("03dup", b"x", 1, packet_id=1)),
    ),
    conversation(
        "a live message comes without RETAIN",
        "[MQTT-3.3.1-12]",
        joins("a"),
        says("a", subscribe("03live", 0), Publish("03live", b"x", 0, True)),
        hears("a", Suback(1, (0,)), Publish("03live", b"x")),
        says("a", Publish("03live", b"", 0, True)),
        hears("a", Publish("03live", b"")),
    ),
    conversation(
        "a retained message is replaced by the next and removed by an empty one",
        "[MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-8]",
        joins("p"),
        says("p", Publish("03keep", b"1", 1, True, packet_id=1)),
        says("p", Publish("03keep", b"2", 1, True, packet_id=2)),
        hears("p", Puback(1, 0x10), Puback(2, 0x10)),
        joins("a"),
        says("a", subscribe("03keep")),
        hears("a", Suback(1, (1,)), Publish("03keep", b"2", 1, True, packet_id=1)),
        says("a", Puback(1)),
        says("p", Publish("03keep", b"", 1, True, packet_id=3)),
        hears("p", Puback(3)),
        joins("b"),
        says("b", subscribe("03keep")),
        hears("b", Suback(1, (1,))),
        hears_nothing("b"),
    ),
    conversation(
        "a message without RETAIN does not touch the retained one",
        "[MQTT311-3.3.1-12]",
        joins("p", MQTT_3_1_1),
        says("p", Publish("03stay", b"kept", 0, True), Publish("03stay", b"passing")),
        hears_nothing("p"),
        joins("a", MQTT_3_1_1),
        says("a", subscribe("03stay", 0)),
        hears("a", Suback(1, (0,)), Publish("03stay", b"kept", 0, True)),
        says("p", Publish("03stay", b"", 0, True)),
        hears("a", Publish("03stay", b"")),
    ),
    conversation(
        "a topic alias stands for its topic",
        "[MQTT-3.3.2-12]",
        joins("b"),
        says("b", subscribe("03alias/#", 0)),
        hears("b", Suback(1, (0,))),
        joins("a"),
        says(
            "a",
            Publish("03alias/1", b"1", properties={"topic_alias": 1}),
            Publish("", b"2", properties={"topic_alias": 1}),
            Publish("03alias/2", b"3", properties={"topic_alias": 1}),
            Publish("", b"4", properties={"topic_alias": 1}),
        ),
        hears(
            "b",
            Publish("03alias/1", b"1"),
            Publish("03alias/1", b"2"),
            Publish("03alias/2", b"3"),
            Publish("03alias/2", b"4"),
        ),
    ),
    conversation(
        "a topic alias of 0 is invalid",
        "[MQTT-3.3.2-8]",
        joins("a"),
        says("a", b"\x30\x07\x00\x01t\x03\x23\x00\x00"),
        hears("a", disconnect(0x94)),
        is_closed("a"),
    ),
    conversation(
        "a topic alias that was never given a topic is a protocol error",
        "3.3.2.3.4",
        joins("a"),
        says("a", Publish("", b"x", properties={"topic_alias": 9})),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "a topic alias is forgotten with its connection",
        "[MQTT-3.3.2-7]",
        joins("a", properties=KEPT),
        says("a", Publish("03gone", b"x", 1, packet_id=1, properties={"topic_alias": 1})),
        hears("a", Puback(1, 0x10)),
        joins("b", same_as="a", clean_start=False, present=True),
        says("b", Publish("", b"x", properties={"topic_alias": 1})),
        hears("b", disconnect(0x82)),
    ),
    conversation(
        "the identifier of the subscription comes with the message",
        "[MQTT-3.3.4-3]",
        joins("a"),
        says("a", subscribe("03ident/+", 0, identifier=268435455), Publish("03ident/x", b"x")),
        hears(
            "a",
            Suback(1, (0,)),
            Publish("03ident/x", b"x", properties={"subscription_identifier": [268435455]}),
        ),
    ),
    conversation(
        "a subscription identifier from a client is a protocol error",
        "[MQTT-3.3.4-6]",
        joins("a"),
        says("a", Publish("03bad", b"x", properties={"subscription_identifier": [1]})),
        hears("a", disconnect(0x82)),
        is_closed("a"),
    ),
    conversation(
        "a message that waited comes with what is left of its expiry interval",
        "[MQTT-3.3.2-6]",
        joins("a", properties=KEPT),
        says("a", subscribe("03left")),
        hears("a", Suback(1, (1,))),
        leaves("a"),
        joins("p"),
        says(
            "p",
            Publish("03left", b"x", 1, packet_id=1, properties={"message_expiry_interval": 100}),
        ),
        hears("p", Puback(1)),
        time_passes(),
        joins("b", same_as="a", clean_start=False, present=True, properties=KEPT),
        hears("b", WithLeft(b"x", 97, 99)),
    ),
    conversation(
        "a message whose expiry interval passed while it waited is not sent",
        "[MQTT-3.3.2-5]",
        joins("a", properties=KEPT),
        says("a", subscribe("03late")),
        hears("a", Suback(1, (1,))),
        leaves("a"),
        joins("p"),
        says(
            "p",
            Publish("03late", b"old", 1, packet_id=1, properties={"message_expiry_interval": 1}),
            Publish("03late", b"new", 1, packet_id=2),
        ),
        hears("p", Puback(1), Puback(2)),
        time_passes(),
        joins("b", same_as="a", clean_start=False, present=True),
        hears("b", Publish("03late", b"new", 1, packet_id=1)),
        hears_nothing("b"),
    ),
    conversation(
        "a retained message whose expiry interval has passed is not sent",
        "4.5",
        joins("p"),
        says(
            "p",
            Publish("03old", b"x", 0, True, properties={"message_expiry_interval": 1}),
        ),
        hears_nothing("p"),
        time_passes(),
        joins("a"),
        says("a", subscribe("03old")),
        hears("a", Suback(1, (1,))),
        hears_nothing("a"),
    ),
    conversation(
        "a packet larger than the client takes is left out, and the next comes",
        "[MQTT-3.1.2-24] [MQTT-3.1.2-25]",
        joins("a", properties={"maximum_packet_size": 40}),
        says("a", subscribe("03size", 1)),
        hears("a", Suback(1, (1,))),
        joins("p"),
        says("p", Publish("03size", b"x" * 40), Publish("03size", b"small")),
        hears("a", Publish("03size", b"small")),
        says("p", Publish("03size", b"x" * 40, 1, packet_id=1)),
        says("p", Publish("03size", b"next", 1, packet_id=2)),
        hears("a", like(Publish, payload=b"next", qos=1)),
    ),
    conversation(
        "a packet of exactly the size that the client takes is sent",
        "[MQTT-3.1.2-24]",
        joins("a", properties={"maximum_packet_size": 40}),
        says("a", subscribe("03just", 1)),
        hears("a", Suback(1, (1,))),
        joins("p"),
        # 2 bytes of fixed header, 8 of topic, 1 of properties, 29 of payload; and 2 of identifier.
        says("p", Publish("03just", b"x" * 29)),
        hears("a", Publish("03just", b"x" * 29)),
        says("p", Publish("03just", b"x" * 27, 1, packet_id=1)),
        hears("a", Publish("03just", b"x" * 27, 1, packet_id=1)),
    ),
    conversation(
        "a packet above the server's maximum is refused before it has arrived",
        "3.2.2.3.6",
        joins("a"),
        says("a", b"\x30\xff\xff\xff\x7f\x00\x01t"),
        hears("a", disconnect(0x95)),
        is_closed("a"),
    ),
    conversation(
        "a packet above the server's maximum closes a 3.1.1 connection",
        "3.2.2.3.6",
        joins("a", MQTT_3_1_1),
        says("a", b"\x30\xff\xff\xff\x7f\x00\x01t"),
        is_closed("a"),
    ),
    conversation(
        "a topic with more levels than the server allows is refused",
        "4.7.3",
        joins("a"),
        says("a", subscribe("03deep/#", 0)),
        hears("a", Suback(1, (0,))),
        says("a", Publish("03deep" + "/x" * 100, b"x")),
        hears("a", Publish("03deep" + "/x" * 100, b"x")),
        says("a", Publish("03deep" + "/x" * 200, b"x")),
        hears("a", disconnect(0x90)),
    ),
    conversation(
        "a client that takes topic aliases is spared a topic that repeats",
        "[MQTT-3.1.2-26] [MQTT-3.3.2-11]",
        joins("a", properties={"topic_alias_maximum": 1}),
        says("a", subscribe("03alias/#", 0)),
        hears("a", Suback(1, (0,))),
        joins("p"),
        says("p", *(Publish("03alias/" + last, b"x") for last in "xxy")),
        hears("a", Publish("03alias/x", b"x", properties={"topic_alias": 1})),
        hears("a", Publish("", b"x", properties={"topic_alias": 1})),
        hears("a", Publish("03alias/y", b"x")),
    ),
    conversation(
        "a client that takes no topic aliases gets none",
        "[MQTT-3.1.2-27]",
        joins("a"),
        says("a", subscribe("03noalias", 0)),
        hears("a", Suback(1, (0,))),
        says("a", *(Publish("03noalias", b"x") for _ in range(3))),
        hears("a", *(Publish("03noalias", b"x") for _ in range(3))),
    ),
)
