"""Mountpoints: topics that grow too long by them are refused, in whichever packet they come."""

from __future__ import annotations

import pytest

from app.broker.mountpoint import mount
from app.mqtt.packets import (
    Connack,
    Disconnect,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsuback,
    Unsubscribe,
    Will,
)
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic
from tests.harness.playbook import Playbook, connect_packet, only, refusal

MOUNTED = {"mountpoint": "é/"}
JUST_FITS = "a" * 65_532
TOO_LONG = JUST_FITS + "a"


def test_a_topic_is_as_long_below_its_mountpoint_as_any() -> None:
    assert mount("é/", JUST_FITS) == "é/" + JUST_FITS
    with pytest.raises(InvalidTopic):
        mount("é/", TOO_LONG)


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("prefix", ["", "$delayed/1/"])
def test_a_message_on_a_topic_too_long_is_refused(qos: int, prefix: str) -> None:
    if prefix:
        topic = prefix + TOO_LONG[: 65_535 - len(prefix)]
        mountpoint = "m" * 20 + "/"
    else:
        topic, mountpoint = TOO_LONG, "é/"
    playbook = Playbook(zone={"mountpoint": mountpoint})
    witness = playbook.connect("witness")
    witness.subscribes("#")
    client = playbook.connect()
    client.sends(Publish(topic, b"", qos, packet_id=1 if qos else None))
    assert refusal(client) == (Disconnect, ReasonCode.TOPIC_NAME_INVALID)
    assert witness.receives() == []


def test_a_message_on_a_topic_that_just_fits_is_delivered() -> None:
    playbook = Playbook(zone=MOUNTED)
    client = playbook.connect()
    client.subscribes(JUST_FITS)
    client.sends(Publish(JUST_FITS, b"x"))
    assert only(client.receives()).topic == JUST_FITS


def test_a_filter_too_long_is_refused() -> None:
    playbook = Playbook(zone=MOUNTED)
    client = playbook.connect()
    client.sends(
        Subscribe(1, (SubscribeFilter(TOO_LONG, 0), SubscribeFilter(JUST_FITS, 0))),
        Unsubscribe(2, (TOO_LONG,)),
    )
    assert client.receives() == [
        Suback(1, (ReasonCode.TOPIC_FILTER_INVALID, 0)),
        Unsuback(2, (ReasonCode.TOPIC_FILTER_INVALID,)),
    ]


def test_a_will_too_long_is_refused_at_connect() -> None:
    client = Playbook(zone=MOUNTED).client()
    client.sends(connect_packet("c", will=Will(TOO_LONG, b"")))
    assert refusal(client) == (Connack, ReasonCode.TOPIC_NAME_INVALID)


def test_a_will_that_became_too_long_is_not_published() -> None:
    playbook = Playbook(zone=MOUNTED)
    client = playbook.connect(will=Will(JUST_FITS, b""))
    client.channel.client.mountpoint = "longer/"
    client.crashes()
    counted = playbook.counted()
    assert counted["packets.publish.error"] == 1
    assert "messages.publish" not in counted
