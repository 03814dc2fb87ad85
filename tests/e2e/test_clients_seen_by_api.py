"""What MQTT clients do shows in the HTTP API, and what the API does shows at the clients."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    PINGREQ,
    PINGRESP,
    Disconnect,
    Puback,
    Publish,
)
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually

SHUTTING_DOWN = 0x8B
ADMINISTRATIVE_ACTION = 0x98
BANNED = 0x8A
OK = {"code": 0}
Join = Callable[..., MqttClient]


@pytest.fixture
def join(node: NodeProcess) -> Iterator[Join]:
    """Let clients in; those that are left are closed at the end."""
    joined: list[MqttClient] = []

    def make(clientid: str, version: int = MQTT_5, **connect: Any) -> MqttClient:
        client = MqttClient(node.tcp, version)
        joined.append(client)
        assert client.connect(clientid, **connect).reason_code == 0
        return client

    yield make
    for client in joined:
        client.close()


def stat(node: NodeProcess, name: str) -> int:
    return int(node.data("stats")[0]["stats"][name])


def metric(node: NodeProcess, name: str) -> int:
    return int(node.data("metrics")[0]["metrics"][name])


def listener(node: NodeProcess) -> dict[str, Any]:
    rows = node.data("listeners")[0]["listeners"]
    return next(row for row in rows if row["protocol"] == "mqtt:tcp")


def assert_gone(client: MqttClient, reason: int) -> None:
    answer = client.receive()
    assert isinstance(answer, Disconnect)
    assert answer.reason_code == reason
    client.expect_closed()


def test_a_connected_client_is_seen_with_what_it_said(node: NodeProcess, join: Join) -> None:
    join("s-seen", MQTT_3_1_1, username="u-seen", keepalive=77)
    (row,) = node.data("clients/s-seen")
    expected = {
        "clientid": "s-seen",
        "username": "u-seen",
        "proto_name": "MQTT",
        "proto_ver": 4,
        "keepalive": 77,
        "ip_address": "127.0.0.1",
        "connected": True,
        "clean_start": True,
        "is_bridge": False,
        "node": "godwit@127.0.0.1",
        "zone": "external",
    }
    assert {key: row[key] for key in expected} == expected
    assert [each["clientid"] for each in node.data("clients/username/u-seen")] == ["s-seen"]
    assert "s-seen" in [each["clientid"] for each in node.data("clients?_like_clientid=s-s")]


def test_counts_rise_and_fall_with_clients(node: NodeProcess, join: Join) -> None:
    before = stat(node, "connections.count")
    conns = listener(node)["current_conns"]
    clients = [join(f"s-count-{number}") for number in range(3)]
    eventually(lambda: stat(node, "connections.count") == before + 3, "connections.count")
    assert stat(node, "connections.max") >= before + 3
    assert listener(node)["current_conns"] == conns + 3
    for client in clients:
        client.send(Disconnect())
        client.expect_closed()
    eventually(lambda: stat(node, "connections.count") == before, "connections.count")
    eventually(lambda: listener(node)["current_conns"] == conns, "current_conns")


def test_a_kick_disconnects_and_ends_the_session(node: NodeProcess, join: Join) -> None:
    kept = {"session_expiry_interval": 60}
    new, old = join("s-kick-5", properties=kept), join("s-kick-4", MQTT_3_1_1, clean_start=False)
    for clientid in ("s-kick-5", "s-kick-4"):
        assert node.api("DELETE", f"/api/v4/clients/{clientid}").body == OK
    assert_gone(new, ADMINISTRATIVE_ACTION)
    old.expect_closed()
    eventually(lambda: node.data("clients/s-kick-5") == [], "the end of the session")
    again = MqttClient(node.tcp)
    assert again.connect("s-kick-5", clean_start=False).session_present is False
    again.close()


def test_a_ban_kicks_and_refuses_until_it_is_lifted(node: NodeProcess, join: Join) -> None:
    client = join("s-ban")
    ban = {"who": "s-ban", "as": "clientid", "reason": "test"}
    assert node.api("POST", "/api/v4/banned", ban).body == {"code": 0, "data": ban}
    assert_gone(client, ADMINISTRATIVE_ACTION)
    for version in (MQTT_5, MQTT_3_1_1):
        with MqttClient(node.tcp, version) as refused:
            answer = refused.connect("s-ban")
            # 3.1.1 has one word for both: not authorised.
            assert answer.reason_code == (BANNED if version == MQTT_5 else 0x87)
            refused.expect_closed()
    assert [row["who"] for row in node.data("banned")] == ["s-ban"]
    assert node.api("DELETE", "/api/v4/banned/clientid/s-ban").body == OK
    join("s-ban")


def test_bans_of_user_names_and_addresses_hold(make_node: MakeNode) -> None:
    node = make_node()
    node.api("POST", "/api/v4/banned", {"who": "mallory", "as": "username", "reason": "x"})
    with MqttClient(node.tcp) as client:
        assert client.connect("b1", username="mallory").reason_code == BANNED
    with MqttClient(node.tcp) as client:
        assert client.connect("b2", username="alice").reason_code == 0
    node.api("POST", "/api/v4/banned", {"who": "127.0.0.1", "as": "peerhost", "reason": "x"})
    with MqttClient(node.tcp) as client:
        assert client.connect("b3", username="alice").reason_code == BANNED


def test_a_message_published_by_the_api_arrives(node: NodeProcess, join: Join) -> None:
    client = join("s-pub")
    client.subscribe("s/pub/#", 1)
    body = {
        "topic": "s/pub/x",
        "payload": "hällo",
        "qos": 1,
        "clientid": "anybody",
        "properties": {"content_type": "text/plain", "user_properties": {"k": "v"}},
    }
    assert node.api("POST", "/api/v4/mqtt/publish", body).body == OK
    client.expect(
        Publish(
            "s/pub/x",
            "hällo".encode(),
            1,
            packet_id=1,
            properties={"content_type": "text/plain", "user_property": [("k", "v")]},
        )
    )


def test_a_message_retained_by_the_api_waits(node: NodeProcess, join: Join) -> None:
    kept = {"topic": "s/kept", "payload": "AAE=", "encoding": "base64", "retain": True}
    assert node.api("POST", "/api/v4/mqtt/publish", {**kept, "clientid": "a"}).body == OK
    client = join("s-kept")
    client.subscribe("s/kept")
    client.expect(Publish("s/kept", b"\x00\x01", 0, True))
    node.api(
        "POST",
        "/api/v4/mqtt/publish",
        {"topic": "s/kept", "payload": "", "retain": True, "clientid": "a"},
    )


def test_the_api_subscribes_and_unsubscribes_for_a_client(node: NodeProcess, join: Join) -> None:
    client = join("s-sub")
    wish = {"topics": "s/one,s/two", "clientid": "s-sub", "qos": 1}
    assert node.api("POST", "/api/v4/mqtt/subscribe", wish).body == OK
    eventually(lambda: len(node.data("subscriptions/s-sub")) == 2, "the subscriptions")
    publisher = join("s-sub-other")
    publisher.publish("s/two", b"x")
    client.expect(Publish("s/two", b"x", 1, packet_id=1))
    farewell = {"topic": "s/one", "clientid": "s-sub"}
    assert node.api("POST", "/api/v4/mqtt/unsubscribe", farewell).body == OK
    eventually(lambda: len(node.data("subscriptions/s-sub")) == 1, "the end of one")


def test_subscriptions_and_routes_show_and_go(node: NodeProcess, join: Join) -> None:
    client = join("s-route")
    client.subscribe("s/route/+/x", 2)
    client.subscribe("$share/g/s/route/shared", 0, packet_id=2)
    own = {(row["topic"], row["qos"]) for row in node.data("subscriptions/s-route")}
    assert own == {("s/route/+/x", 2), ("$share/g/s/route/shared", 0)}
    assert node.data(f"routes/{quote('s/route/+/x', safe='')}") == [
        {"topic": "s/route/+/x", "node": "godwit@127.0.0.1"}
    ]
    client.send(Disconnect())
    client.expect_closed()
    eventually(lambda: node.data("subscriptions/s-route") == [], "the end of the subscriptions")
    assert node.data(f"routes/{quote('s/route/+/x', safe='')}") == []


def test_odd_client_ids_and_topics_survive_the_path(node: NodeProcess, join: Join) -> None:
    odd = "s/odd +ü%2F#?"
    client = join(odd)
    client.subscribe("s/odd")
    (row,) = node.data(f"clients/{quote(odd, safe='')}")
    assert row["clientid"] == odd
    assert node.api("DELETE", f"/api/v4/clients/{quote(odd, safe='')}").body == OK
    assert_gone(client, ADMINISTRATIVE_ACTION)


def test_metrics_count_what_was_said(node: NodeProcess, join: Join) -> None:
    names = (
        "messages.received",
        "messages.sent",
        "messages.qos1.received",
        "packets.connect.received",
    )
    before = {name: metric(node, name) for name in names}
    client = join("s-metric")
    client.subscribe("s/metric")
    client.send(Publish("s/metric", b"x", 1, packet_id=1))
    client.expect(Publish("s/metric", b"x"), Puback(1))
    after = {name: metric(node, name) - before[name] for name in names}
    assert after == dict.fromkeys(names, 1)


def test_a_stop_says_so_to_version_5_and_ends_with_status_0(make_node: MakeNode) -> None:
    node = make_node()
    new, old = MqttClient(node.tcp), MqttClient(node.tcp, MQTT_3_1_1)
    new.connect("v5")
    old.connect("v4")
    stopped = node.stop(signal.SIGTERM)
    assert stopped.status == 0, stopped.log
    assert_gone(new, SHUTTING_DOWN)
    old.expect_closed()
    assert "Traceback" not in stopped.log
    new.close()
    old.close()


def test_kill_9_loses_neither_apps_nor_bans_and_leaves_the_database_whole(
    make_node: MakeNode,
) -> None:
    node = make_node()
    app = {"app_id": "survivor", "name": "s", "secret": "not-so-secret", "status": True}
    created = node.api("POST", "/api/v4/apps", app, listener="dashboard")
    assert created.body["code"] == 0, created
    ban = {"who": "villain", "as": "clientid", "reason": "test", "until": 4_000_000_000}
    assert node.api("POST", "/api/v4/banned", ban).body["code"] == 0
    with MqttClient(node.tcp) as client:
        client.connect("bystander")
        node.kill()
        client.expect_closed()
    with sqlite3.connect(node.instance / "godwit.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    node.start()
    answer = node.api("GET", "/api/v4/stats", auth=("survivor", "not-so-secret"))
    assert answer.status == 200
    assert [row["who"] for row in node.data("banned")] == ["villain"]
    with MqttClient(node.tcp) as client:
        assert client.connect("villain").reason_code == BANNED


def test_a_client_that_answers_nothing_does_not_hold_the_others_up(
    node: NodeProcess, join: Join
) -> None:
    stuck = join("s-stuck")
    stuck.subscribe("s/stuck")
    publisher = join("s-quick")
    for _ in range(200):
        publisher.send(Publish("s/stuck", b"x" * 50_000))
    publisher.send(PINGREQ)
    publisher.expect(PINGRESP)
    assert node.data("clients/s-stuck")[0]["connected"] is True


def test_a_wrong_secret_sees_nothing(node: NodeProcess) -> None:
    for auth in (None, ("admin", "wrong"), ("nobody", "public")):
        assert node.api("GET", "/api/v4/clients", auth=auth).status == 401
