"""PUBACK, PUBREC, PUBREL, PUBCOMP: exchanges in both directions, to their end or out of step."""

from __future__ import annotations

import pytest

from app.mqtt.packets import MQTT_3_1_1, MQTT_5, Puback, Pubcomp, Publish, Pubrec, Pubrel
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Client, Playbook

VERSIONS = (MQTT_3_1_1, MQTT_5)
MISSING = ReasonCode.PACKET_IDENTIFIER_NOT_FOUND


def receiving(playbook: Playbook, version: int = MQTT_5) -> Client:
    """Return a client that was sent one message of each QoS, with packet ids 1 and 2."""
    client = playbook.connect("c", version=version)
    client.subscribes("t", qos=2)
    for qos in (0, 1, 2):
        playbook.publish("t", b"%d" % qos, qos)
    client.receives()
    playbook.counted()
    return client


@pytest.mark.parametrize("version", VERSIONS)
def test_puback_ends_a_qos_1_delivery(version: int) -> None:
    playbook = Playbook()
    client = receiving(playbook, version)
    client.sends(Puback(1))
    assert list(client.session.inflight) == [2]
    counted = playbook.counted()
    assert (counted["packets.puback.received"], counted["messages.acked"]) == (1, 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_qos_2_delivery_ends_with_pubcomp(version: int) -> None:
    """[MQTT-4.3.3-4] [MQTT-4.3.3-5]"""
    playbook = Playbook()
    client = receiving(playbook, version)
    client.sends(Pubrec(2))
    assert client.receives() == [Pubrel(2)]
    assert list(client.session.inflight) == [1, 2]
    client.sends(Pubcomp(2))
    assert list(client.session.inflight) == [1]
    assert playbook.counted()["messages.acked"] == 1


def test_a_pubrec_that_says_failure_ends_the_delivery_without_pubrel() -> None:
    client = receiving(Playbook())
    client.sends(Pubrec(2, ReasonCode.NOT_AUTHORIZED))
    assert client.receives() == []
    assert list(client.session.inflight) == [1]


def test_a_pubrec_that_says_nobody_listens_is_a_success() -> None:
    client = receiving(Playbook())
    client.sends(Pubrec(2, ReasonCode.NO_MATCHING_SUBSCRIBERS))
    assert client.receives() == [Pubrel(2)]


def test_pubrec_again_gets_pubrel_again_and_is_counted_once() -> None:
    playbook = Playbook()
    playbook.watch("message.acked")
    client = receiving(playbook)
    client.sends(Pubrec(2), Pubrec(2))
    assert client.receives() == [Pubrel(2), Pubrel(2)]
    assert playbook.counted()["messages.acked"] == 1
    assert len(playbook.told) == 1


@pytest.mark.parametrize(
    ("version", "packet", "answer", "metric"),
    [
        (MQTT_5, Puback(9), [], "packets.puback.missed"),
        (MQTT_5, Pubrec(9), [Pubrel(9, MISSING)], "packets.pubrec.missed"),
        (MQTT_5, Pubcomp(9), [], "packets.pubcomp.missed"),
        (MQTT_5, Pubrel(9), [Pubcomp(9, MISSING)], "packets.pubrel.missed"),
        (MQTT_3_1_1, Puback(9), [], "packets.puback.missed"),
        (MQTT_3_1_1, Pubrec(9), [Pubrel(9)], "packets.pubrec.missed"),
        (MQTT_3_1_1, Pubcomp(9), [], "packets.pubcomp.missed"),
        (MQTT_3_1_1, Pubrel(9), [Pubcomp(9)], "packets.pubrel.missed"),
    ],
)
def test_an_acknowledgement_of_nothing_is_counted_and_does_no_harm(
    version: int, packet: Puback, answer: list[object], metric: str
) -> None:
    playbook = Playbook()
    client = receiving(playbook, version)
    client.sends(packet)
    assert client.receives() == answer
    assert playbook.counted()[metric] == 1
    assert not client.is_closed
    assert list(client.session.inflight) == [1, 2]


def test_a_pubrec_that_says_failure_about_nothing_gets_no_pubrel() -> None:
    client = receiving(Playbook())
    client.sends(Pubrec(9, ReasonCode.UNSPECIFIED_ERROR))
    assert client.receives() == []


@pytest.mark.parametrize(
    ("packet", "metric"),
    [
        (Puback(2), "packets.puback.inuse"),
        (Pubrec(1), "packets.pubrec.inuse"),
        (Pubcomp(2), "packets.pubcomp.inuse"),
        (Pubcomp(1), "packets.pubcomp.inuse"),
    ],
)
def test_an_acknowledgement_of_the_wrong_kind_ends_nothing(packet: Puback, metric: str) -> None:
    playbook = Playbook()
    client = receiving(playbook)
    client.sends(packet)
    assert list(client.session.inflight) == [1, 2]
    assert playbook.counted()[metric] == 1


def test_the_hooks_are_told_who_has_which_message() -> None:
    playbook = Playbook()
    told: list[tuple[str, bytes]] = []
    playbook.hook(
        "message.acked", lambda clientid, message: told.append((clientid, message.payload))
    )
    client = receiving(playbook)
    client.sends(Puback(1), Pubrec(2), Pubcomp(2))
    assert told == [("c", b"1"), ("c", b"2")]


def test_an_acknowledgement_makes_room_for_the_next_message() -> None:
    playbook = Playbook()
    client = playbook.connect("c", properties={"receive_maximum": 1})
    client.subscribes("t", qos=2)
    for number in range(3):
        playbook.publish("t", b"%d" % number, 2 if number == 1 else 1)
    assert client.receives() == [Publish("t", b"0", 1, packet_id=1)]
    client.sends(Puback(1))
    assert client.receives() == [Publish("t", b"1", 2, packet_id=2)]
    client.sends(Pubrec(2))
    assert client.receives() == [Pubrel(2)]  # the place is taken until PUBCOMP
    client.sends(Pubcomp(2))
    assert client.receives() == [Publish("t", b"2", 1, packet_id=3)]
