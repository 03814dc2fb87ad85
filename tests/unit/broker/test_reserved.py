"""Topics that are not for everybody to publish on."""

from __future__ import annotations

import pytest

from app.mqtt.packets import MQTT_3_1_1, Puback, Publish, Pubrec, Will
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Playbook


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("$SYS/brokers", ReasonCode.NOT_AUTHORIZED),
        ("$share/g/t", ReasonCode.TOPIC_NAME_INVALID),
        ("$queue/t", ReasonCode.TOPIC_NAME_INVALID),
    ],
)
def test_a_client_is_refused_and_stays_connected(topic: str, reason: ReasonCode) -> None:
    playbook = Playbook()
    witness = playbook.connect("witness")
    witness.subscribes("$SYS/#")
    client = playbook.connect()
    client.sends(
        Publish(topic, b""),
        Publish(topic, b"", 1, packet_id=1),
        Publish(topic, b"", 2, packet_id=2),
    )
    assert client.receives() == [Puback(1, reason), Pubrec(2, reason)]
    assert not client.is_closed
    assert witness.receives() == []


def test_an_older_client_gets_an_ordinary_acknowledgement() -> None:
    client = Playbook().connect(version=MQTT_3_1_1)
    client.sends(Publish("$SYS/brokers", b"", 1, packet_id=1))
    assert client.receives() == [Puback(1)]


@pytest.mark.parametrize("topic", ["$SYS/brokers", "$share/g/t"])
def test_a_will_is_refused_as_well(topic: str) -> None:
    playbook = Playbook()
    playbook.watch("message.publish")
    playbook.connect(will=Will(topic, b"gone")).crashes()
    assert playbook.told == []
    assert playbook.counted()["packets.publish.error"] == 1


def test_other_topics_with_a_dollar_are_names_like_any_other() -> None:
    playbook = Playbook()
    client = playbook.connect()
    client.subscribes("$own/#")
    client.sends(Publish("$own/t", b"x"))
    assert len(client.receives()) == 1
