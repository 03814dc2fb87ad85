"""A storage that cannot be written: nothing is acknowledged that is not safe, and it goes on by itself."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.mqtt.packets import MQTT_5, Puback, Publish
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.sql_servers import SqlServer, serve_postgresql

FOR_EVER: Any = {"session_expiry_interval": 0xFFFF_FFFF}
SMALL_BYTES = 64 * 1024
DEADLINE_S = 40.0


def alarms(node: NodeProcess) -> set[str]:
    nodes = node.data("alarms/activated")
    return {alarm["name"] for each in nodes for alarm in each["alarms"]}


def subscribe(node: NodeProcess) -> None:
    with MqttClient(node.tcp, MQTT_5) as client:
        client.connect("reader", clean_start=False, properties=FOR_EVER)
        client.subscribe("t/#", 1)


def received(node: NodeProcess, count: int) -> list[bytes]:
    with MqttClient(node.tcp, MQTT_5) as client:
        answer = client.connect("reader", clean_start=False, properties=FOR_EVER)
        assert answer.session_present
        payloads = []
        while len(payloads) < count:
            packet = client.receive(DEADLINE_S)
            assert isinstance(packet, Publish)
            payloads.append(packet.payload)
            client.send(Puback(packet.packet_id or 0))
        return payloads


def test_a_full_disk_keeps_acknowledgements_back_until_there_is_room(make_node: MakeNode) -> None:
    node = make_node()
    subscribe(node)
    resource.prlimit(node.worker_pid, resource.RLIMIT_FSIZE, (SMALL_BYTES, resource.RLIM_INFINITY))
    with MqttClient(node.tcp, MQTT_5) as publisher:
        publisher.connect("publisher")
        payload = b"x" * SMALL_BYTES
        publisher.send(Publish("t/full", payload, 1, packet_id=1))
        eventually(lambda: "storage_unavailable" in alarms(node), "the alarm", DEADLINE_S)
        publisher.expect_silence()
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(node.worker_pid, resource.RLIMIT_FSIZE, unlimited)
        assert publisher.receive(DEADLINE_S) == Puback(1)
    eventually(
        lambda: "storage_unavailable" not in alarms(node), "the end of the alarm", DEADLINE_S
    )
    node.kill()
    node.start()
    assert received(node, 1) == [payload]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[SqlServer]:
    with serve_postgresql() as server:
        yield server


@pytest.mark.server("postgresql")
def test_a_database_server_may_go_and_come_back(make_node: MakeNode, postgresql: SqlServer) -> None:
    url = f"postgresql://godwit@127.0.0.1:{postgresql.port}/mqtt"
    node = make_node(**{"storage.url": url})
    subscribe(node)
    with MqttClient(node.tcp, MQTT_5) as publisher:
        publisher.connect("publisher")
        publisher.publish("t/a", b"before")
        postgresql.kill()
        publisher.send(Publish("t/a", b"meanwhile", 1, packet_id=2))
        eventually(lambda: "storage_unavailable" in alarms(node), "the alarm", DEADLINE_S)
        postgresql.start()
        assert publisher.receive(DEADLINE_S) == Puback(2)
    node.kill()
    node.start()
    assert received(node, 2) == [b"before", b"meanwhile"]


def test_a_damaged_file_is_put_aside_and_the_node_starts(make_node: MakeNode) -> None:
    node = make_node()
    subscribe(node)
    assert node.stop().status == 0
    file: Path = node.instance / "broker.db"
    file.write_bytes(b"not what it was" * 1_000)
    for companion in ("-wal", "-shm"):
        file.with_name(file.name + companion).unlink(missing_ok=True)
    node.start()
    assert "storage_damaged" in alarms(node)
    assert list(node.instance.glob("broker.db.damaged-*"))
    assert "was put aside as" in node.log


def test_a_storage_that_is_off_leaves_no_file(make_node: MakeNode) -> None:
    node = make_node(**{"storage.sync": "off"})
    subscribe(node)
    assert not (node.instance / "broker.db").exists()
    node.kill()
    node.start()
    with MqttClient(node.tcp, MQTT_5) as client:
        assert not client.connect("reader", clean_start=False).session_present
