"""Topic aliases towards clients: which topics get one, and that the client always knows what is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.message import Form, Message
from app.broker.topic_aliases import TopicAliases, frame_size, with_alias
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import MQTT_5, Publish
from app.mqtt.properties import Properties
from tests.harness.playbook import LARGEST, Client, Playbook, only
from tests.unit.broker.strategies import topic_names


def decoded(form: Form, qos: int) -> Publish:
    """Return the packet of a form as a client reads it."""
    head, tail = form
    frame = head + b"\x00\x07" + tail if qos else head
    packet = only(FrameDecoder(LARGEST, MQTT_5, server=False).feed(frame))
    assert isinstance(packet, Publish)
    assert len(frame) == frame_size(form, qos)
    return packet


def made(topic: str, payload: bytes = b"x", properties: Properties | None = None) -> Message:
    return Message(topic, payload, 2, False, 0, properties=properties or {})


@given(
    topic=topic_names,
    payload=st.binary(max_size=300),
    qos=st.integers(0, 2),
    alias=st.integers(1, 65_535),
    keep_topic=st.booleans(),
    properties=st.sampled_from(
        [{}, {"content_type": "x" * 200}, {"user_property": [("a", "b")], "response_topic": "r"}]
    ),
)
def test_an_alias_changes_topic_and_alias_and_nothing_else(
    topic: str, payload: bytes, qos: int, alias: int, keep_topic: bool, properties: Properties
) -> None:
    form = made(topic, payload, properties).form(MQTT_5, qos, False, 0)
    packet = decoded(with_alias(form, qos, alias, keep_topic=keep_topic), qos)
    assert packet.topic == (topic if keep_topic else "")
    assert packet.properties == {**properties, "topic_alias": alias}
    assert (packet.payload, packet.qos) == (payload, qos)


@given(topics=st.lists(st.sampled_from("abcdefghijkl"), max_size=60), maximum=st.integers(1, 3))
def test_a_client_always_knows_which_topic_is_meant(topics: list[str], maximum: int) -> None:
    aliases = TopicAliases(maximum, 0)
    known: dict[int, str] = {}
    for topic in topics:
        packet = decoded(aliases.shorten(topic, made(topic).form(MQTT_5, 0, False, 0), 0), 0)
        alias = packet.properties.get("topic_alias", 0)
        assert alias <= maximum
        if alias and packet.topic:
            known[alias] = packet.topic
        assert (packet.topic or known[alias]) == topic


# -- as clients see them -----------------------------------------------------------------------


def subscriber(playbook: Playbook, maximum: int = 10, qos: int = 0, **more: int) -> Client:
    properties: Properties = {"topic_alias_maximum": maximum, **more}  # type: ignore[typeddict-item]
    client = playbook.connect("s", clean_start=False, properties=properties)
    client.subscribes("#", qos=qos)
    return client


def heard(client: Client) -> list[tuple[str, int]]:
    """Return topic and alias of what came."""
    packets = client.receives()
    assert all(isinstance(each, Publish) for each in packets)
    return [(p.topic, p.properties.get("topic_alias", 0)) for p in packets]  # type: ignore[union-attr]


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_while_aliases_are_free_a_topic_is_sent_once_and_then_left_out(qos: int) -> None:
    playbook = Playbook()
    client = subscriber(playbook, qos=qos)
    for _ in range(4):
        playbook.publish("often", qos=qos)
    playbook.publish("once", qos=qos)
    assert heard(client) == [("often", 1), ("", 1), ("", 1), ("", 1), ("once", 2)]


@pytest.mark.parametrize(("offered", "setting"), [(0, 16), (16, 0)])
def test_no_alias_is_used_unless_both_want_it(offered: int, setting: int) -> None:
    playbook = Playbook(mqtt={"max_topic_alias_outgoing": setting})
    client = subscriber(playbook, offered)
    for _ in range(3):
        playbook.publish("t")
    assert heard(client) == [("t", 0)] * 3
    assert not client.channel.has_own_forms


def test_an_alias_that_is_taken_goes_to_a_topic_that_repeats() -> None:
    """[MQTT-3.1.2-26]"""
    playbook = Playbook()
    client = subscriber(playbook, 1)
    for topic in "abba":
        playbook.publish(topic)
    assert heard(client) == [("a", 1), ("b", 0), ("b", 1), ("a", 0)]


def test_an_alias_is_not_set_up_where_that_makes_the_packet_too_large() -> None:
    playbook = Playbook()
    # 2 + 2 + 5 bytes of topic + 1 of properties + payload: what fits to the byte has no room for three more.
    client = subscriber(playbook, maximum_packet_size=20)
    for _ in range(3):
        playbook.publish("topic", b"0123456789")
    assert heard(client) == [("topic", 0)] * 3
    playbook.publish("topic", b"")
    playbook.publish("topic", b"0123456789..")
    assert heard(client) == [("topic", 1), ("", 1)]


def test_what_is_sent_again_to_a_client_that_came_back_has_its_topic() -> None:
    playbook = Playbook()
    client = subscriber(playbook, qos=1, session_expiry_interval=60)
    for _ in range(3):
        playbook.publish("t", qos=1)
    assert heard(client)[-1] == ("", 1)
    client.crashes()
    playbook.publish("t", qos=1)
    again = playbook.connect(
        "s",
        clean_start=False,
        properties={"topic_alias_maximum": 10, "session_expiry_interval": 60},
    )
    assert {topic for topic, _ in heard(again)} == {"t"}
    playbook.publish("t", qos=1)
    assert heard(again) == [("", 1)]


def test_an_alias_leaves_expiry_and_subscription_identifiers_alone() -> None:
    playbook = Playbook()
    client = playbook.connect("s", properties={"topic_alias_maximum": 1})
    client.sends(b"\x82\x09\x00\x01\x02\x0b\x05\x00\x01t\x00")
    for _ in range(3):
        playbook.publish("t", properties={"message_expiry_interval": 9})
    *_, last = client.receives()
    assert isinstance(last, Publish)
    assert last.topic == ""
    assert last.properties == {
        "message_expiry_interval": 9,
        "subscription_identifier": [5],
        "topic_alias": 1,
    }
