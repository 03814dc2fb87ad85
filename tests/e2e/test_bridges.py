"""Bridges from the settings: to Mosquitto and to another node of ours, both ways, through outages and restarts."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.mqtt.packets import MQTT_3_1, MQTT_3_1_1, MQTT_5, Puback, Pubcomp, Publish, Pubrec, Pubrel
from app.mqtt.properties import NO_PROPERTIES, Properties
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.ports import free_port

VIA = ("godwit-bridged-by", "godwit@127.0.0.1")
needs_mosquitto = pytest.mark.skipif(shutil.which("mosquitto") is None, reason="install mosquitto")


def bridge(port: int, name: str = "b", **given: str) -> dict[str, str]:
    """Return the settings of a bridge; names have `__` for dots."""
    values = {
        "address": f"127.0.0.1:{port}",
        "start_type": "auto",
        "clientid": name,
        "reconnect_interval": "100ms",
        **{key.replace("__", "."): text for key, text in given.items()},
    }
    return {f"bridge.mqtt.{name}.{key}": text for key, text in values.items()}


def state(node: NodeProcess, name: str = "b") -> dict[str, Any]:
    found: dict[str, Any] = node.data(f"bridges/{name}")
    return found


def alarms(node: NodeProcess) -> list[str]:
    return [one["name"] for one in node.data("alarms/activated")[0]["alarms"]]


def connected(node: NodeProcess, name: str = "b") -> None:
    eventually(lambda: state(node, name)["status"] == "Running", "a connection", 10.0)


def say(client: MqttClient, packet: Publish) -> None:
    """Publish and go through with it."""
    packet.packet_id = 7 if packet.qos else None
    client.send(packet)
    if packet.qos:
        client.receive()
    if packet.qos == 2:
        client.send(Pubrel(7))
        client.receive()


def hear(client: MqttClient) -> Publish:
    """Receive a message and acknowledge it."""
    got = client.receive()
    while not isinstance(got, Publish):
        if isinstance(got, Pubrel):
            client.send(Pubcomp(got.packet_id))
        got = client.receive()
    if got.qos == 1:
        client.send(Puback(got.packet_id or 0))
    elif got.qos == 2:
        client.send(Pubrec(got.packet_id or 0))
    return got


def all_of(client: MqttClient, numbers: int) -> list[int]:
    """Receive until so many different numbers are there; return what came."""
    came: list[int] = []
    while len(set(came)) < numbers:
        came.append(int(hear(client).payload))
    return came


@needs_mosquitto
@pytest.mark.parametrize(
    ("word", "version"), [("mqttv3", MQTT_3_1), ("mqttv4", MQTT_3_1_1), ("mqttv5", MQTT_5)]
)
def test_messages_go_both_ways_at_each_quality_of_service(
    make_node: MakeNode, tmp_path: Path, word: str, version: int
) -> None:
    with Mosquitto(tmp_path / "mosquitto") as other:
        node = make_node(
            **bridge(
                other.port,
                proto_ver=word,
                bridge_mode="on",
                forwards="up/#, up/1, alarm",
                forward_mountpoint="from/${node}/",
                subscription__1__topic="down/#",
                subscription__1__qos="2",
                receive_mountpoint="got/",
            )
        )
        connected(node)
        with MqttClient(other.address, version) as there, MqttClient(node.tcp) as here:
            there.connect("there")
            there.subscribe("from/#", 2)
            here.connect("here")
            here.subscribe("got/#", 2)
            for qos in (0, 1, 2):
                say(here, Publish(f"up/{qos}", b"up %d" % qos, qos))
                got = hear(there)
                assert (got.topic, got.payload, got.qos) == (
                    f"from/godwit@127.0.0.1/up/{qos}",
                    b"up %d" % qos,
                    qos,
                )
                say(there, Publish(f"down/{qos}", b"down %d" % qos, qos))
                got = hear(here)
                assert (got.topic, got.payload, got.qos) == (
                    f"got/down/{qos}",
                    b"down %d" % qos,
                    qos,
                )
        eventually(lambda: state(node)["sent"] == 3, "all of it settled")
        row = state(node)
        assert (row["received"], row["queued"], row["dropped"]) == (3, 0, 0)
        metrics = node.data("metrics")[0]["metrics"]
        assert metrics["bridge.mqtt.message_sent_to_remote"] == 3
        assert metrics["bridge.mqtt.message_received_from_remote"] == 3
    assert "Traceback" not in node.stop().log


@needs_mosquitto
def test_properties_travel_both_ways(make_node: MakeNode, tmp_path: Path) -> None:
    properties = Properties(
        payload_format_indicator=1,
        message_expiry_interval=1_000,
        content_type="text/plain",
        response_topic="answers",
        correlation_data=b"\x00\x01",
        user_property=[("a", "1"), ("a", "2")],
    )
    with Mosquitto(tmp_path / "mosquitto") as other:
        node = make_node(
            **bridge(
                other.port,
                proto_ver="mqttv5",
                forwards="up",
                subscription__1__topic="down",
            )
        )
        connected(node)
        with MqttClient(other.address) as there, MqttClient(node.tcp) as here:
            there.connect("there")
            there.subscribe("up", 1)
            here.connect("here")
            here.subscribe("down", 1)
            say(here, Publish("up", b"x", 1, properties=properties))
            got = hear(there).properties
            assert got["user_property"] == [*properties["user_property"], VIA]
            assert {**got, "user_property": properties["user_property"]} == properties
            say(there, Publish("down", b"x", 1, properties=properties))
            assert hear(here).properties == properties
            # One that has been here before goes no further.
            say(here, Publish("up", b"again", 1, properties=Properties(user_property=[VIA])))
            eventually(lambda: state(node)["looped"] == 1, "a loop that is noticed")


@needs_mosquitto
def test_nothing_acknowledged_is_lost_while_the_other_broker_restarts(
    make_node: MakeNode, tmp_path: Path
) -> None:
    kept = Properties(session_expiry_interval=600)
    count = 120
    with Mosquitto(tmp_path / "mosquitto") as other:
        node = make_node(
            **bridge(
                other.port,
                proto_ver="mqttv5",
                clean_start="off",
                forwards="up",
                subscription__1__topic="down",
                receive_mountpoint="got/",
            )
        )
        connected(node)
        with MqttClient(other.address) as there, MqttClient(node.tcp) as here:
            there.connect("there", clean_start=False, properties=kept)
            there.subscribe("up", 1)
            here.connect("here")
            here.subscribe("got/down", 1)
            for number in range(count // 3):
                say(here, Publish("up", b"%d" % number, 1))
                there.send(Publish("down", b"%d" % number, 1, packet_id=number + 1))
        other.end()
        with MqttClient(node.tcp) as here:
            here.connect("here")
            for number in range(count // 3, count):
                say(here, Publish("up", b"%d" % number, 1))
        other.start()
        with MqttClient(other.address) as there:
            there.connect("there", clean_start=False, properties=kept)
            came = all_of(there, count)
            first = list(dict.fromkeys(came))
            assert first == sorted(first) and set(first) == set(range(count))
        connected(node)
        with MqttClient(other.address) as there, MqttClient(node.tcp) as here:
            there.connect("publisher")
            here.connect("hearer")
            here.subscribe("got/down", 1)
            for number in range(count):
                say(there, Publish("down", b"%d" % number, 1))
            assert set(all_of(here, count)) == set(range(count))
        eventually(lambda: state(node)["queued"] == 0, "an empty queue")


@needs_mosquitto
def test_what_the_other_broker_kept_comes_when_the_bridge_is_back(
    make_node: MakeNode, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path / "mosquitto") as other:
        node = make_node(**bridge(other.port, clean_start="off", subscription__1__topic="down"))
        connected(node)
        assert node.api("PUT", "/api/v4/bridges/b/stop").body["data"] == {"changed": True}
        with MqttClient(other.address) as there, MqttClient(node.tcp) as here:
            there.connect("there")
            say(there, Publish("down", b"kept", 1))
            here.connect("here")
            here.subscribe("down", 1)
            node.api("PUT", "/api/v4/bridges/b/start")
            assert hear(here).payload == b"kept"


@needs_mosquitto
def test_what_is_acknowledged_is_in_the_queue_of_a_node_that_is_killed(
    make_node: MakeNode, tmp_path: Path
) -> None:
    other, folder = Mosquitto(tmp_path / "mosquitto"), tmp_path / "queues"
    node = make_node(
        **bridge(
            other.port,
            forwards="up",
            queue__replayq_dir=str(folder),
            queue__replayq_seg_bytes="64KB",
            batch_size="7",
        )
    )
    count = 50
    with MqttClient(node.tcp) as here:
        here.connect("here")
        for number in range(count):
            if number == count // 2:
                eventually(lambda: "bridge/mqtt/b/down" in alarms(node), "an alarm")
                assert state(node)["queued"] == number
            say(here, Publish("up", b"%d" % number, 1))
        node.kill()
    with closing(sqlite3.connect(folder / "b.sqlite")) as file:
        assert file.execute("SELECT COUNT(*) FROM waiting").fetchone() == (count,)
    node.start()
    eventually(lambda: state(node)["queued"] == count, "the queue as it was")
    with other:
        with MqttClient(other.address) as there:
            there.connect("there")
            there.subscribe("up", 1)
            assert all_of(there, count) == list(range(count))
        eventually(lambda: state(node)["queued"] == 0, "an empty queue")
    node.restart()
    assert state(node)["queued"] == 0


def killed_while_it_brings(
    make_node: MakeNode, address: tuple[str, int], version: int, qos: int
) -> None:
    """Publish there, and kill the node in the middle, twice; what is kept here has to be all of it."""
    forever = Properties(session_expiry_interval=3_600)
    node = make_node(
        **bridge(
            address[1],
            proto_ver="mqttv5" if version == MQTT_5 else "mqttv4",
            clean_start="off",
            subscription__1__topic="down",
            subscription__1__qos=str(qos),
        )
    )
    connected(node)
    rule = {
        "rawsql": 'SELECT payload FROM "down"',
        "actions": [
            {
                "name": "data_to_mqtt_broker",
                "params": {"$resource": a_target_that_is_down(node), "disk_cache": True},
            }
        ],
    }
    rule_id = node.api("POST", "/api/v4/rules", rule).body["data"]["id"]
    with MqttClient(node.tcp) as here:
        here.connect("keeper", clean_start=False, properties=forever)
        here.subscribe("down", 2)
    begin, count = 0, 300
    with MqttClient(address) as there:
        there.connect("publisher")
        for _ in range(2):
            for number in range(begin, begin + count):
                say(there, Publish("down", b"%d" % number, qos))
                if number == begin + count // 2:
                    node.kill()
            begin += count
            node.start()
            connected(node)
    eventually(lambda: queued(node, rule_id) >= begin, "all of it in the outbox", 30.0)
    with MqttClient(node.tcp) as here:
        here.connect("keeper", clean_start=False, properties=forever)
        came = all_of(here, begin)
    first = list(dict.fromkeys(came))
    assert first == list(range(begin))


def a_target_that_is_down(node: NodeProcess) -> str:
    config = {"address": f"127.0.0.1:{free_port()}", "pool_size": 1}
    made = node.api("POST", "/api/v4/resources", {"type": "bridge_mqtt", "config": config})
    found: str = made.body["data"]["id"]
    return found


def queued(node: NodeProcess, rule_id: str) -> int:
    (action,) = node.data(f"rules/{rule_id}")["actions"]
    found: int = action["metrics"][0]["queued"]
    return found


@needs_mosquitto
@pytest.mark.parametrize(("version", "qos"), [(MQTT_3_1_1, 1), (MQTT_5, 2)])
def test_what_mosquitto_was_told_to_have_been_taken_outlives_a_node_that_is_killed(
    make_node: MakeNode, tmp_path: Path, version: int, qos: int
) -> None:
    with Mosquitto(tmp_path / "mosquitto") as other:
        killed_while_it_brings(make_node, other.address, version, qos)


def test_what_another_node_was_told_to_have_been_taken_outlives_a_node_that_is_killed(
    make_node: MakeNode,
) -> None:
    other = make_node(**{"node.name": "other@127.0.0.1"})
    killed_while_it_brings(make_node, other.tcp, MQTT_5, 1)


@needs_mosquitto
def test_the_other_brokers_certificate_is_checked(make_node: MakeNode, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    strangers = Authority(tmp_path / "other-ca")
    with Mosquitto(tmp_path / "mosquitto", authority.issue("server")) as other:
        node = make_node(
            **bridge(other.port, "known", ssl="on", cacertfile=str(authority.certfile)),
            **bridge(other.port, "unknown", ssl="on", cacertfile=str(strangers.certfile)),
        )
        connected(node, "known")
        eventually(lambda: alarms(node) == ["bridge/mqtt/unknown/down"], "an alarm")
        assert state(node, "unknown")["status"] == "Stopped"


@pytest.mark.parametrize("word", ["mqttv4", "mqttv5"])
def test_two_nodes_that_bridge_each_other_do_not_go_in_circles(
    make_node: MakeNode, word: str
) -> None:
    other = make_node(**{"node.name": "other@127.0.0.1"})
    node = make_node(
        **bridge(other.ports["tcp"], proto_ver=word, forwards="t/#", subscription__1__topic="t/#")
    )
    connected(node)
    with MqttClient(other.tcp) as there, MqttClient(node.tcp) as here:
        for client in (there, here):
            client.connect("c")
            client.subscribe("t/#", 1)
        say(there, Publish("t/1", b"from there", 0))
        assert hear(here).payload == b"from there"
        assert hear(there).payload == b"from there"
        eventually(lambda: state(node)["looped"] == 1, "a loop that is noticed")
        say(here, Publish("t/2", b"from here", 0))
        assert hear(here).payload == b"from here"
        assert hear(there).payload == b"from here"
        if word == "mqttv5":
            there.expect_silence()
            here.expect_silence()
            assert state(node)["received"] == 1


def test_what_has_no_room_is_dropped_and_what_has_waited_too_long_expires(
    make_node: MakeNode,
) -> None:
    other = make_node()
    node = make_node(
        **bridge(
            other.ports["tcp"],
            proto_ver="mqttv5",
            start_type="manual",
            forwards="t",
            queue__max_total_size="2KB",
        )
    )
    assert state(node)["started"] is False
    other.kill()
    node.api("PUT", "/api/v4/bridges/b/start")
    with MqttClient(node.tcp) as here:
        here.connect("here")
        say(here, Publish("t", b"x", 1, properties=Properties(message_expiry_interval=1)))
        for _ in range(2):
            say(here, Publish("t", b"x" * 900, 1, properties=NO_PROPERTIES))
    row = eventually(lambda: state(node) if state(node)["dropped"] else None, "a drop")
    assert (row["queued"], row["dropped"]) == (2, 1)
    at_least = row["queued_bytes"]
    assert 900 < at_least <= 2_048


def test_an_operator_lists_and_changes_bridges_in_the_words_of_emqx(
    make_node: MakeNode,
) -> None:
    other = make_node()
    node = make_node(**bridge(other.ports["tcp"], start_type="manual", forwards="a"))
    path = "/api/v4/bridges"
    assert [row["name"] for row in node.data("bridges")] == ["b"]
    assert node.api("GET", f"{path}/none").body["code"] == 404
    assert node.api("PUT", f"{path}/b/start").body["data"] == {"changed": True}
    assert node.api("PUT", f"{path}/b/start").body["data"] == {"changed": False}
    connected(node)
    for topic in ("a", "b/#"):
        node.api("POST", f"{path}/b/forwards", {"topic": topic})
    assert node.api("POST", f"{path}/b/forwards", {"topic": "a/#/b"}).body["code"] == 115
    assert node.api("POST", f"{path}/b/forwards", {}).body["code"] == 107
    made = node.api("POST", f"{path}/b/subscriptions", {"topic": "down", "qos": 1}).body["data"]
    assert made["subscriptions"] == [{"topic": "down", "qos": 1, "refused": False}]
    bad = {"topic": "down", "qos": 3}
    assert node.api("POST", f"{path}/b/subscriptions", bad).body["code"] == 116
    with MqttClient(other.tcp) as there, MqttClient(node.tcp) as here:
        there.connect("there")
        there.subscribe("b/#", 1)
        here.connect("here")
        here.subscribe("down", 1)
        say(here, Publish("b/1", b"x", 1))
        assert hear(there).topic == "b/1"
        say(there, Publish("down", b"x", 1))
        assert hear(here).topic == "down"
        assert node.api("DELETE", f"{path}/b/forwards?topic=b/%23").body["data"]["forwards"] == [
            "a"
        ]
        gone = node.api("DELETE", f"{path}/b/subscriptions?topic=down").body["data"]
        assert gone["subscriptions"] == []
        assert node.api("DELETE", f"{path}/b/forwards?topic=b").body["code"] == 404
    plugin = "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_bridge_mqtt"
    assert node.api("PUT", f"{plugin}/unload").body == {"code": 0}
    assert node.api("GET", path).status == 404
    assert node.api("PUT", f"{plugin}/load").body == {"code": 0}
    assert state(node)["status"] == "Stopped"
    assert "Traceback" not in node.stop().log


@pytest.mark.parametrize("disk", [False, True])
def test_a_rule_s_message_goes_on_with_its_properties(make_node: MakeNode, disk: bool) -> None:
    other, node = make_node(), make_node()
    properties = Properties(
        payload_format_indicator=1,
        message_expiry_interval=1_000,
        content_type="text/plain",
        response_topic="answers",
        correlation_data=b"\xff\x01",
        user_property=[("a", "1"), ("a", "2")],
    )
    config = {
        "address": f"127.0.0.1:{other.ports['tcp']}",
        "mountpoint": "",
        "proto_ver": "mqttv5",
        "pool_size": 1,
    }
    resource = {"type": "bridge_mqtt", "config": config}
    resource_id = node.api("POST", "/api/v4/resources", resource).body["data"]["id"]
    params = {"$resource": resource_id, "payload_tmpl": "${payload}", "disk_cache": disk}
    action = {"name": "data_to_mqtt_broker", "params": params}
    rule = {"rawsql": 'SELECT * FROM "t"', "actions": [action]}
    assert node.api("POST", "/api/v4/rules", rule).body["code"] == 0
    with MqttClient(other.tcp) as there, MqttClient(node.tcp) as here:
        there.connect("there")
        there.subscribe("t", 1)
        here.connect("here")
        say(here, Publish("t", b"x", 1, properties=properties))
        got = hear(there)
    assert (got.payload, got.qos) == (b"x", 1)
    left_s = got.properties["message_expiry_interval"]
    assert 900 < left_s <= 1_000
    assert {**got.properties, "message_expiry_interval": 1_000} == properties
