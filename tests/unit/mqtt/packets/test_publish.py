"""PUBLISH beyond the corpus: the shared form, and what our own mistakes cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mqtt.packets import MQTT_5, Publish, encode_publish_form
from app.mqtt.properties import NO_PROPERTIES, Properties
from tests.unit.mqtt.strategies import packet_ids, patient, payloads, properties, topics


@patient
@given(topics, payloads, st.booleans(), properties(Publish.TYPE, MQTT_5))
def test_form_of_qos_0_is_the_whole_frame(
    topic: str, payload: bytes, retain: bool, values: Properties
) -> None:
    for version in (3, 4, 5):
        frame = Publish(topic, payload, 0, retain, properties=values).encode(version)
        assert encode_publish_form(version, topic, payload, 0, retain, values) == (frame, b"")


@patient
@given(topics, payloads, st.integers(1, 2), packet_ids, properties(Publish.TYPE, MQTT_5))
def test_form_of_qos_1_and_2_takes_any_packet_identifier(
    topic: str, payload: bytes, qos: int, packet_id: int, values: Properties
) -> None:
    for version in (3, 4, 5):
        head, tail = encode_publish_form(version, topic, payload, qos, False, values)
        packet = Publish(topic, payload, qos, packet_id=packet_id, properties=values)
        assert packet.encode(version) == head + packet_id.to_bytes(2, "big") + tail


def test_dup_is_bit_3_of_the_head() -> None:
    head, _ = encode_publish_form(4, "a", b"", 1, False, NO_PROPERTIES)
    again = Publish("a", b"", 1, dup=True, packet_id=1).encode(4)
    assert again[0] == head[0] | 8
    assert again[1 : len(head)] == head[1:]


@pytest.mark.parametrize("packet_id", [None, 0])
def test_missing_packet_identifier_is_our_mistake(packet_id: int | None) -> None:
    with pytest.raises(ValueError, match="packet identifier"):
        Publish("a", b"", 1, packet_id=packet_id).encode(4)


def test_payload_beyond_the_protocol_is_our_mistake() -> None:
    payload = bytes(268_435_456)
    with pytest.raises(ValueError, match="268435455"):
        Publish("a", payload).encode(4)
