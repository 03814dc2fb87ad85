"""What the lists show of a client, read off a client with a history."""

from __future__ import annotations

from app.broker.records import SubscriptionRecord
from app.mqtt.packets import Puback, Publish, Will
from app.node.views import client_record, dotted_counters
from tests.harness.playbook import Playbook

KEPT = {"session_expiry_interval": 1_000}
NODE = "godwit@127.0.0.1"
START_MS = 1_700_000_000_000


def test_a_connected_client_is_shown_as_it_is() -> None:
    playbook = Playbook(zone={"max_inflight": 2, "mountpoint": "m/"})
    client = playbook.connect("c", username="u", keepalive=60, peerhost="10.0.0.1", properties=KEPT)
    client.subscribes("t", qos=1)
    playbook.advance(5)
    for number in range(4):
        playbook.publish("m/t", b"%d" % number, 1)
    client.sends(Puback(1), Publish("x", b"", 2, packet_id=1))
    client.wire.backlog, client.wire.unsent = 3, 100
    record = client_record(NODE, client.channel)
    assert (record.node, record.clientid, record.username) == (NODE, "c", "u")
    assert (record.proto_name, record.proto_ver, record.is_bridge) == ("MQTT", 5, False)
    assert (record.ip_address, record.port) == ("10.0.0.1", 50_000)
    assert (record.connected, record.disconnected_at_ms) == (True, None)
    assert (record.connected_at_ms, record.created_at_ms) == (START_MS, START_MS)
    assert (record.zone, record.mountpoint, record.keepalive_s) == ("external", "m/", 60)
    assert (record.clean_start, record.expiry_interval_s) == (True, 1_000)
    assert (record.subscriptions_cnt, record.inflight, record.max_inflight) == (1, 2, 2)
    assert (record.mqueue_len, record.max_mqueue, record.mqueue_dropped) == (1, 1_000, 0)
    assert (record.awaiting_rel, record.max_awaiting_rel) == (1, 100)
    assert (record.recv_pkt, record.recv_msg) == (4, 1)
    assert (record.send_pkt, record.send_msg) == (6, 3)
    assert (record.mailbox_len, record.reductions) == (3, 10)
    assert record.heap_size > 100


def test_a_client_that_is_away_is_shown_with_its_session() -> None:
    playbook = Playbook()
    client = playbook.connect("c", properties=KEPT)
    client.subscribes("t", qos=1)
    playbook.advance(5)
    client.crashes()
    playbook.publish("t", b"", 1)
    record = client_record(NODE, client.channel)
    assert (record.connected, record.disconnected_at_ms) == (False, START_MS + 5_000)
    assert (record.subscriptions_cnt, record.mqueue_len) == (1, 1)
    assert record.mountpoint is None


def test_a_session_keeps_the_time_it_was_made() -> None:
    playbook = Playbook()
    playbook.connect("c", properties=KEPT).leaves()
    playbook.advance(5)
    client = playbook.connect("c", clean_start=False, properties=KEPT)
    record = client_record(NODE, client.channel)
    assert (record.created_at_ms, record.connected_at_ms) == (START_MS, START_MS + 5_000)


def test_a_channel_that_handed_its_session_over_can_still_be_shown() -> None:
    playbook = Playbook()
    first = playbook.connect("c", properties=KEPT)
    playbook.connect("c", clean_start=False, properties=KEPT)
    record = client_record(NODE, first.channel)
    assert (record.connected, record.subscriptions_cnt, record.inflight) == (False, 0, 0)


def test_counters_are_told_apart_by_qos_and_reason() -> None:
    playbook = Playbook(zone={"max_mqueue_len": 1, "max_inflight": 1})
    client = playbook.connect("c")
    client.subscribes("t", qos=2)
    for qos in (0, 1, 2, 2):
        playbook.publish("t", b"", qos)
    client.sends(Publish("x", b""), Publish("x", b"", 1, packet_id=1))
    counters = dotted_counters(client.channel)
    assert {name: count for name, count in counters.items() if count} == {
        "recv_msg.qos0": 1,
        "recv_msg.qos1": 1,
        "send_msg.qos0": 1,
        "send_msg.qos1": 1,
        "send_msg.dropped": 1,
        "send_msg.dropped.queue_full": 1,
    }


def test_rights_will_and_tls_are_shown_to_the_older_generations() -> None:
    playbook = Playbook()
    client = playbook.connect("c", will=Will("gone", b""))
    client.channel.client.is_superuser = True
    client.channel.client.listener = "mqtt:wss:external"
    record = client_record(NODE, client.channel)
    assert (record.is_superuser, record.is_tls, record.will_topic) == (True, True, "gone")
    plain = client_record(NODE, playbook.connect("d").channel)
    assert (plain.is_superuser, plain.is_tls, plain.will_topic) == (False, False, None)


def test_a_shared_subscription_has_an_inner_topic() -> None:
    assert SubscriptionRecord(NODE, "c", "$share/g/a/b", 0, "g").inner_topic == "a/b"
    assert SubscriptionRecord(NODE, "c", "a/b", 0).inner_topic == "a/b"
