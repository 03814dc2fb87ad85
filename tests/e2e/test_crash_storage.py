"""A storage that cannot be written: nothing is acknowledged that is not safe, and it goes on by itself."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.mqtt.packets import MQTT_5, Puback, Publish
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeFailedError, NodeProcess, eventually
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "godwit-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root and a kernel that lets it")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_that_is_really_full_is_waited_for(make_node: MakeNode, small_disk: Path) -> None:
    node = make_node(**{"storage.url": f"sqlite:///{small_disk}/broker.db"})
    subscribe(node)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as rest:
        while True:
            rest.write(b"x" * 512)
    with MqttClient(node.tcp, MQTT_5) as publisher:
        publisher.connect("publisher")
        payload = b"x" * SMALL_BYTES
        publisher.send(Publish("t/full", payload, 1, packet_id=1))
        eventually(lambda: "storage_unavailable" in alarms(node), "the alarm", DEADLINE_S)
        assert node.api("GET", "/health/ready", auth=None).status == 503
        publisher.expect_silence()
        filler.unlink()
        assert publisher.receive(DEADLINE_S) == Puback(1)
    node.kill()
    node.start()
    assert received(node, 1) == [payload]


def test_a_disk_that_cannot_be_written_ends_the_start_with_one_sentence(
    make_node: MakeNode, small_disk: Path
) -> None:
    node = make_node(**{"storage.url": f"sqlite:///{small_disk}/broker.db"})
    subscribe(node)
    node.stop()
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    before = len(node.log.splitlines())
    with pytest.raises(NodeFailedError):
        node.start()
    (line,) = [one for one in node.log.splitlines()[before:] if "broker's state" in one]
    assert str(small_disk) in line
    assert "see that" in line
    assert "Traceback" not in node.log
    subprocess.run([*remount[:2], "remount,rw", str(small_disk)], check=True)
    node.start()
    assert received(node, 0) == []


def test_a_slow_disk_holds_acknowledgements_and_publishers_up_and_nobody_else(
    make_node: MakeNode,
) -> None:
    node = make_node(**{"storage.max_pending": "10KB"})
    subscribe(node)
    with (
        MqttClient(node.tcp, MQTT_5) as publisher,
        MqttClient(node.tcp, MQTT_5) as stranger,
        contextlib.closing(sqlite3.connect(node.instance / "broker.db")) as other,
    ):
        publisher.connect("publisher")
        stranger.connect("stranger")
        stranger.subscribe("of no concern", 1)
        other.isolation_level = None
        # Whoever else has the file's lock makes a commit take as long as a slow disk does.
        other.execute("BEGIN IMMEDIATE")
        count, payload = 200, b"x" * 1_000
        for number in range(1, count + 1):
            publisher.send(Publish("t/slow", payload, 1, packet_id=number))
        eventually(lambda: figures(node)["storage.paused"], "a publisher that is not read", 30)
        assert figures(node)["storage.pending"] < count * len(payload)
        stranger.send(Publish("of no concern", b"at once"))
        assert isinstance(stranger.receive(DEADLINE_S), Publish)
        other.execute("ROLLBACK")
        for number in range(1, count + 1):
            assert publisher.receive(DEADLINE_S) == Puback(number)
    node.kill()
    node.start()
    assert received(node, count) == [payload] * count


def figures(node: NodeProcess) -> dict[str, int]:
    (of_node,) = node.data("metrics")
    metrics: dict[str, int] = of_node["metrics"]
    return metrics


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


@pytest.mark.server("postgresql")
def test_the_database_of_the_administration_may_go_and_come_back_and_clients_notice_nothing(
    make_node: MakeNode, postgresql: SqlServer
) -> None:
    url = f"postgresql://godwit@127.0.0.1:{postgresql.port}/postgres"
    node = make_node(**{"database.url": url})
    subscribe(node)

    def ready() -> int:
        return node.api("GET", "/health/ready", auth=None).status

    with MqttClient(node.tcp, MQTT_5) as publisher:
        publisher.connect("publisher")
        postgresql.kill()
        eventually(lambda: ready() == 503, "a node that is not ready", DEADLINE_S)
        assert node.api("GET", "/health/live", auth=None).status == 200
        publisher.publish("t/a", b"meanwhile")
        with MqttClient(node.tcp, MQTT_5) as newcomer:
            assert newcomer.connect("newcomer").reason_code == 0
        postgresql.start()
        eventually(lambda: ready() == 200, "a node that is ready", DEADLINE_S)
    assert node.api("GET", "/api/v4/banned").status == 200
    assert received(node, 1) == [b"meanwhile"]
    assert node.log.count("Not ready, since the database does not answer") == 1


@pytest.mark.parametrize("name", ["godwit.db", "broker.db"])
def test_a_database_that_was_cut_off_is_one_sentence_and_never_taken_for_an_empty_one(
    make_node: MakeNode, name: str
) -> None:
    node = make_node()
    subscribe(node)
    with MqttClient(node.tcp, MQTT_5) as publisher:
        publisher.connect("publisher")
        publisher.publish("t/a", b"kept")
    node.stop()
    file = node.instance / name
    with file.open("r+b") as raw:
        raw.truncate(file.stat().st_size // 2 // 4_096 * 4_096)
    before = len(node.log.splitlines())
    if name == "broker.db":
        node.start()
        assert "storage_damaged" in alarms(node)
        said = [line for line in node.log.splitlines()[before:] if "[ERROR]" in line]
    else:
        with pytest.raises(NodeFailedError):
            node.start()
        said = node.log.splitlines()[before:]
    assert len(said) == 1
    assert str(file) in said[0]
    assert "Traceback" not in node.log


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
