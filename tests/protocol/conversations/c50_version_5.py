"""MQTT 5 where the other chapters leave a numbered statement unsaid: expiry, refusals, shared QoS 2."""

from __future__ import annotations

from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    PINGREQ,
    PINGRESP,
    Connect,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscribeFilter,
    Will,
)
from app.mqtt.properties import Properties
from tests.protocol.conversations.script import (
    Step,
    connack,
    conversation,
    dials,
    hears,
    hears_in_any_order,
    hears_nothing,
    is_closed,
    is_refused,
    joins,
    leaves,
    like,
    says,
    time_passes,
    vanishes,
)

NUMBER = "50-version-5"
KEPT: Properties = {"session_expiry_interval": 60}
BRIEF: Properties = {"message_expiry_interval": 1}


def subscribe(topic_filter: str, qos: int = 0, packet_id: int = 1) -> Subscribe:
    return Subscribe(packet_id, (SubscribeFilter(topic_filter, qos),))


def listens(who: str, topic_filter: str, qos: int = 0) -> tuple[Step, Step]:
    """Subscribe and be granted it."""
    return says(who, subscribe(topic_filter, qos)), hears(who, Suback(1, (qos,)))


def one_by_one(*packets: bytes) -> tuple[Step, ...]:
    """Send every byte in a write of its own."""
    return tuple(says("a", bytes((byte,))) for byte in b"".join(packets))


CONNECTING = (
    conversation(
        "bytes that come one by one are packets all the same",
        "[MQTT-4.2.0-1] [MQTT311-7.1.1-1]",
        dials("a", MQTT_3_1_1),
        *one_by_one(
            Connect("MQTT", MQTT_3_1_1, True, 0, "50bytes").encode(MQTT_3_1_1),
            subscribe("50bytes").encode(MQTT_3_1_1),
            Publish("50bytes", b"x").encode(MQTT_3_1_1),
        ),
        hears("a", connack(), Suback(1, (0,)), Publish("50bytes", b"x")),
    ),
    conversation(
        "ids of one letter and of twenty-three letters and digits are let in",
        "[MQTT-3.1.3-5]",
        dials("a"),
        says("a", Connect("MQTT", MQTT_5, True, 0, "z")),
        hears("a", connack(absent="assigned_client_identifier")),
        dials("b"),
        says("b", Connect("MQTT", MQTT_5, True, 0, "ABCDEFGHIJ0123456789xyz")),
        hears("b", connack(absent="assigned_client_identifier")),
    ),
    conversation(
        "a CONNECT that cannot be read is answered by CONNACK or a close, never by DISCONNECT",
        "[MQTT-3.1.4-1] [MQTT-3.14.0-1] [MQTT-3.1.2-3]",
        dials("a"),
        says("a", b"\x10\x0e\x00\x04MQTT\x05\x03\x00\x00\x00\x00\x01a"),
        is_refused("a"),
        dials("b"),
        says("b", Connect("MQTT", MQTT_5, True, 0, "50topic", will=Will("a/+", b"x"))),
        is_refused("b"),
    ),
    conversation(
        "what follows a CONNECT that was refused is not obeyed",
        "[MQTT-3.1.4-6]",
        joins("w"),
        *listens("w", "50refused"),
        dials("a"),
        says(
            "a",
            Connect("MQTT", MQTT_5, True, 0, "50no", properties={"authentication_method": "no"}),
            Publish("50refused", b"x"),
        ),
        hears("a", connack(0x8C)),
        is_closed("a"),
        hears_nothing("w"),
    ),
    conversation(
        "one CONNACK comes before what waited for the session and before every answer",
        "[MQTT-3.2.0-1] [MQTT-3.2.0-2]",
        joins("a", properties=KEPT),
        *listens("a", "50first", 1),
        leaves("a"),
        joins("p"),
        says("p", Publish("50first", b"x", 1, packet_id=1)),
        hears("p", Puback(1)),
        dials("b"),
        says("b", Connect("MQTT", MQTT_5, False, 0, "50-version-5-5-a"), PINGREQ),
        hears("b", connack(present=True)),
        hears_in_any_order("b", Publish("50first", b"x", 1, packet_id=1), PINGRESP),
        hears_nothing("b"),
    ),
    conversation(
        "the session of a connected client is kept, whatever its expiry interval",
        "[MQTT-4.1.0-1]",
        joins("a", properties={"session_expiry_interval": 1}),
        joins("b"),
        *listens("a", "50open/a"),
        *listens("b", "50open/b"),
        time_passes(),
        says("a", Publish("50open/b", b"x"), Publish("50open/a", b"y")),
        hears("a", Publish("50open/a", b"y")),
        hears("b", Publish("50open/b", b"x")),
    ),
    conversation(
        "a will without will retain is not retained, and is published once",
        "[MQTT-3.1.2-14] [MQTT-3.1.2-10]",
        joins("w"),
        *listens("w", "50will/a"),
        joins("a", properties=KEPT, will=Will("50will/a", b"gone")),
        vanishes("a"),
        hears("w", Publish("50will/a", b"gone")),
        *listens("w", "50will/a"),
        joins("b", same_as="a", clean_start=False, present=True),
        vanishes("b"),
        joins("c", same_as="a"),
        hears_nothing("w"),
    ),
    conversation(
        "a will that DISCONNECT gave up does not come back with the session",
        "[MQTT-3.1.2-10]",
        joins("w"),
        *listens("w", "50will/b"),
        joins("a", properties=KEPT, will=Will("50will/b", b"gone")),
        leaves("a"),
        joins("b", same_as="a", clean_start=False, present=True),
        vanishes("b"),
        joins("c", same_as="a"),
        hears_nothing("w"),
    ),
)

RECEIVING = (
    conversation(
        "after PUBACK the same identifier is a new message, with DUP or without",
        "[MQTT-4.3.2-5]",
        joins("a"),
        *listens("a", "50new"),
        joins("p"),
        says("p", Publish("50new", b"1", 1, packet_id=5)),
        hears("p", Puback(5)),
        says("p", Publish("50new", b"2", 1, dup=True, packet_id=5)),
        hears("p", Puback(5)),
        hears("a", Publish("50new", b"1"), Publish("50new", b"2")),
    ),
    conversation(
        "after a PUBREC that refuses the same identifier is a new message",
        "[MQTT-4.3.3-9] [MQTT-4.3.3-8]",
        joins("a"),
        *listens("a", "50again"),
        joins("p"),
        says("p", Publish("$SYS/50", b"1", 2, packet_id=5)),
        hears("p", like(Pubrec, packet_id=5, reason_code=0x87)),
        says("p", Publish("50again", b"2", 2, packet_id=5), Pubrel(5)),
        hears("p", Pubrec(5), Pubcomp(5)),
        hears("a", Publish("50again", b"2")),
    ),
    conversation(
        "the answers of QoS 2 go on when the message has expired meanwhile",
        "[MQTT-4.3.3-13]",
        joins("p"),
        says("p", Publish("50brief", b"x", 2, packet_id=5, properties=BRIEF)),
        hears("p", like(Pubrec, packet_id=5)),
        time_passes(),
        says("p", Pubrel(5)),
        hears("p", Pubcomp(5)),
    ),
    conversation(
        "PUBREC packets come in the order of the PUBLISH packets",
        "[MQTT-4.6.0-3]",
        joins("p"),
        *listens("p", "50order/no"),
        says("p", *(Publish("50order", b"x", 2, packet_id=each) for each in (9, 3, 7, 5))),
        hears("p", *(Pubrec(each, 0x10) for each in (9, 3, 7, 5))),
    ),
)

DELIVERING = (
    conversation(
        "QoS 0 is delivered without identifier, DUP and properties",
        "[MQTT-2.2.1-2] [MQTT-2.2.2-1] [MQTT-4.3.1-1]",
        joins("a"),
        *listens("a", "50plain"),
        says("a", Publish("50plain", b"x", 1, dup=True, packet_id=3)),
        hears_in_any_order("a", Puback(3), Publish("50plain", b"x")),
    ),
    conversation(
        "overlapping subscriptions deliver at the highest QoS of them",
        "[MQTT-3.3.4-2]",
        joins("a"),
        *listens("a", "50over/+", 0),
        *listens("a", "50over/x", 2),
        joins("p"),
        says("p", Publish("50over/x", b"x", 2, packet_id=1)),
        hears_in_any_order(
            "a", Publish("50over/x", b"x"), Publish("50over/x", b"x", 2, packet_id=1)
        ),
        hears_nothing("a"),
    ),
    conversation(
        "a subscription that is replaced again and again loses no message",
        "[MQTT-3.8.4-4]",
        joins("a"),
        says(
            "a",
            Publish("50replace", b"kept", 0, True),
            subscribe("50replace", 0, 1),
            Publish("50replace", b"1"),
            subscribe("50replace", 0, 2),
            Publish("50replace", b"2"),
        ),
        hears_in_any_order(
            "a",
            Suback(1, (0,)),
            Publish("50replace", b"kept", 0, True),
            Publish("50replace", b"1"),
            Suback(2, (0,)),
            Publish("50replace", b"kept", 0, True),
            Publish("50replace", b"2"),
        ),
        hears_nothing("a"),
        says("a", Publish("50replace", b"", 0, True)),
        hears("a", Publish("50replace", b"")),
    ),
    conversation(
        "a delivery at QoS 2 without PUBREC comes again with DUP, even when it has expired",
        "[MQTT-4.3.3-3] [MQTT-4.3.3-7]",
        joins("a", properties=KEPT),
        *listens("a", "50begun", 2),
        joins("p"),
        says("p", Publish("50begun", b"x", 2, packet_id=1, properties=BRIEF)),
        hears("a", like(Publish, payload=b"x", qos=2, dup=False, packet_id=1)),
        time_passes(),
        vanishes("a"),
        joins("b", same_as="a", clean_start=False, present=True),
        hears("b", like(Publish, payload=b"x", qos=2, dup=True, packet_id=1)),
    ),
    conversation(
        "what a client answered with a failure does not come again",
        "[MQTT-4.4.0-2]",
        joins("a", properties=KEPT),
        *listens("a", "50fail", 2),
        joins("p"),
        says("p", Publish("50fail", b"1", 1, packet_id=1), Publish("50fail", b"2", 2, packet_id=2)),
        hears("a", Publish("50fail", b"1", 1, packet_id=1)),
        hears("a", Publish("50fail", b"2", 2, packet_id=2)),
        says("a", Puback(1, 0x83), Pubrec(2, 0x83)),
        hears_nothing("a"),
        vanishes("a"),
        joins("b", same_as="a", clean_start=False, present=True),
        hears_nothing("b"),
    ),
    conversation(
        "PUBREL packets come in the order of the PUBREC packets",
        "[MQTT-4.6.0-4]",
        joins("a"),
        *listens("a", "50release", 2),
        joins("p"),
        says("p", *(Publish("50release", b"%d" % i, 2, packet_id=i) for i in range(1, 5))),
        hears("a", *(Publish("50release", b"%d" % i, 2, packet_id=i) for i in range(1, 5))),
        says("a", *(Pubrec(each) for each in (3, 1, 4, 2))),
        hears("a", *(Pubrel(each) for each in (3, 1, 4, 2))),
    ),
)

SHARED = (
    conversation(
        "a member of a group gets no more than the QoS it was granted",
        "[MQTT-4.8.2-3]",
        joins("a"),
        *listens("a", "$share/g/50shared/a", 1),
        joins("p"),
        says("p", Publish("50shared/a", b"x", 2, packet_id=1)),
        hears("a", Publish("50shared/a", b"x", 1, packet_id=1)),
    ),
    conversation(
        "a QoS 2 delivery to a member that vanished is completed when it returns, by it alone",
        "[MQTT-4.8.2-4] [MQTT-4.8.2-5]",
        joins("a", properties=KEPT),
        *listens("a", "$share/g/50shared/b", 2),
        joins("p"),
        says("p", Publish("50shared/b", b"x", 2, packet_id=1)),
        hears("a", Publish("50shared/b", b"x", 2, packet_id=1)),
        joins("other"),
        *listens("other", "$share/g/50shared/b", 2),
        vanishes("a"),
        joins("b", same_as="a", clean_start=False, present=True),
        hears("b", Publish("50shared/b", b"x", 2, dup=True, packet_id=1)),
        says("b", Pubrec(1)),
        hears("b", Pubrel(1)),
        says("b", Pubcomp(1)),
        hears_nothing("b", "other"),
    ),
    conversation(
        "what a member answers with a failure goes to no other member",
        "[MQTT-4.8.2-6]",
        joins("a"),
        *listens("a", "$share/g/50shared/c", 2),
        joins("p"),
        says("p", Publish("50shared/c", b"1", 1, packet_id=1)),
        says("p", Publish("50shared/c", b"2", 2, packet_id=2)),
        hears("a", Publish("50shared/c", b"1", 1, packet_id=1)),
        hears("a", Publish("50shared/c", b"2", 2, packet_id=2)),
        joins("other"),
        *listens("other", "$share/g/50shared/c", 2),
        says("a", Puback(1, 0x80), Pubrec(2, 0x97)),
        hears_nothing("a"),
        leaves("a"),
        hears_nothing("other"),
    ),
)

CONVERSATIONS = CONNECTING + RECEIVING + DELIVERING + SHARED
