"""Counters: the table, and a conversation counted to the last packet."""

from __future__ import annotations

from dataclasses import fields

import pytest

from app.broker.metrics import METRICS, Metrics
from app.broker.records import BanRecord
from app.config import AllowAnonymous
from app.mqtt.packets import (
    Connect,
    PacketType,
    Pingreq,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Unsubscribe,
)
from tests.harness.playbook import Playbook, connect_packet


def test_every_name_stands_once_and_says_what_it_counts() -> None:
    names = [row.name for row in METRICS]
    assert len(names) == len(set(names))
    assert all(row.doc for row in METRICS)


def test_everything_starts_at_nought() -> None:
    assert set(Metrics().snapshot().values()) == {0}


def test_every_counter_of_the_class_is_in_the_table() -> None:
    unseen = []
    for name in [field.name for field in fields(Metrics) if field.default == 0]:
        metrics = Metrics()
        setattr(metrics, name, 7)
        if 7 not in metrics.snapshot().values():
            unseen.append(name)
    assert unseen == []


def test_a_snapshot_keeps_the_order_of_the_table() -> None:
    assert list(Metrics().snapshot()) == [row.name for row in METRICS]


def test_a_conversation_is_counted_to_the_last_packet() -> None:
    playbook = Playbook()
    alice = playbook.connect("alice")
    alice.subscribes("t", qos=2)
    playbook.counted()
    alice.sends(
        Publish("t", b"0"),
        Publish("t", b"1", 1, packet_id=1),
        Publish("t", b"2", 2, packet_id=2),
        Pubrel(2),
        Puback(1),
        Pubrec(2),
        Pubcomp(2),
        Pingreq(),
        Unsubscribe(3, ("t",)),
        Publish("t", b"nobody"),
    )
    assert playbook.counted() == {
        "packets.received": 10,
        "packets.publish.received": 4,
        "packets.pubrel.received": 1,
        "packets.puback.received": 1,
        "packets.pubrec.received": 1,
        "packets.pubcomp.received": 1,
        "packets.pingreq.received": 1,
        "packets.unsubscribe.received": 1,
        "packets.sent": 9,
        "packets.publish.sent": 3,
        "packets.puback.sent": 1,
        "packets.pubrec.sent": 1,
        "packets.pubcomp.sent": 1,
        "packets.pubrel.sent": 1,
        "packets.pingresp.sent": 1,
        "packets.unsuback.sent": 1,
        "messages.received": 4,
        "messages.qos0.received": 2,
        "messages.qos1.received": 1,
        "messages.qos2.received": 1,
        "messages.sent": 3,
        "messages.qos0.sent": 1,
        "messages.qos1.sent": 1,
        "messages.qos2.sent": 1,
        "messages.publish": 4,
        "messages.delivered": 3,
        "messages.acked": 2,
        "messages.dropped": 1,
        "messages.dropped.no_subscribers": 1,
        "client.unsubscribe": 1,
    }


def test_a_connack_that_was_not_sent_is_not_counted() -> None:
    playbook = Playbook()
    playbook.client().sends(Pingreq())
    assert "packets.connack.error" not in playbook.counted()


@pytest.mark.parametrize(
    "why", ["a check", "a ban", "no verdict", "a policy", "a malformed packet"]
)
def test_a_refused_client_is_counted_once(why: str) -> None:
    policy = AllowAnonymous.FALSE if why == "a policy" else AllowAnonymous.TRUE
    playbook = Playbook(allow_anonymous=policy)
    packet: Connect | bytes = connect_packet("c", clean_start=why != "a check", version=4)
    if why == "a check":
        packet = connect_packet("", clean_start=False, version=4)
    elif why == "a ban":
        playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    elif why == "no verdict":
        playbook.hook("client.authenticate", lambda *_: 1 / 0)
    elif why == "a malformed packet":
        packet = b"\x10\x0c\x00\x04MQTT\x09\x02\x00\x00\x00\x00"  # a level nobody knows
    client = playbook.client(version=4)
    client.sends(packet)
    assert len(client.receives()) == 1
    counted = playbook.counted()
    assert counted["packets.connack.error"] == 1
    assert counted["packets.connack.sent"] == 1
    denied = why not in ("a check", "a malformed packet")
    assert counted.get("packets.connack.auth_error", 0) == int(denied)


def test_sums_are_sums_of_their_parts() -> None:
    metrics = Metrics()
    metrics.packets_sent[PacketType.PUBLISH] = 2
    metrics.packets_sent[PacketType.PUBACK] = 3
    metrics.delivery_dropped_expired = 4
    metrics.delivery_dropped_queue_full = 5
    snapshot = metrics.snapshot()
    assert (snapshot["packets.sent"], snapshot["delivery.dropped"]) == (5, 9)
