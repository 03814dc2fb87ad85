"""A backup that is made while messages pour in, restored into another instance, and held against what was promised."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.mqtt.packets import Puback, Publish
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import ROOT, NodeProcess, eventually
from tests.harness.sql_servers import serve_mariadb, serve_postgresql

FOR_EVER = {"session_expiry_interval": 0xFFFF_FFFF}
NO_LIMIT = {"zone.external.max_mqueue_len": "0"}
SMALL_JOURNAL = {**NO_LIMIT, "storage.compact_at": "20KB"}
"""So that it is compacted while it is read."""


class Publisher(threading.Thread):
    """Publishes numbers at QoS 1, one after the other, until it is told to stop."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.acknowledged = 0
        self._address = address

    def run(self) -> None:
        with MqttClient(self._address) as client:
            client.connect("publisher")
            while not self.stopping.is_set():
                number = self.acknowledged + 1
                client.publish("numbers", b"%d" % number)
                client.publish("last", b"%d" % number, retain=True)
                self.acknowledged = number


def command(node: NodeProcess, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=node.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.server("postgresql")),
        pytest.param("mariadb", marks=pytest.mark.server("mariadb")),
    ]
)
def target(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings of the instance that a backup is restored into."""
    if request.param == "sqlite":
        yield {}
    elif request.param == "postgresql":
        with serve_postgresql() as server:
            url = f"postgresql://godwit@127.0.0.1:{server.port}/mqtt"
            yield {"database.url": url, "storage.url": url}
    else:
        with serve_mariadb() as server:
            yield {"database.url": f"mysql://root@127.0.0.1:{server.port}/mqtt"}


@pytest.mark.timeout(300)
def test_what_was_acknowledged_before_a_backup_is_there_after_its_restore(
    tmp_path: Path, target: dict[str, str]
) -> None:
    backup = str(tmp_path / "b")
    with NodeProcess(tmp_path / "here", **SMALL_JOURNAL) as here:
        with MqttClient(here.tcp) as subscriber:
            subscriber.connect("subscriber", properties=FOR_EVER)
            subscriber.subscribe("numbers", 1)
        ban = {"as": "clientid", "who": "unwanted", "by": "us", "reason": "ü"}
        assert here.api("POST", "/api/v4/banned", ban).status == 200
        banned = here.data("banned")
        publisher = Publisher(here.tcp)
        publisher.start()
        eventually(lambda: publisher.acknowledged > 50, "publishing", 60)
        before = publisher.acknowledged
        command(here, "backup", backup, "--same-key")
        after = publisher.acknowledged + 1
        publisher.stopping.set()
        publisher.join(10)
        key = (here.instance / "secret.key").read_bytes()
    there = NodeProcess(tmp_path / "there", **NO_LIMIT, **target)
    (there.instance / "secret.key").touch(mode=0o600)
    (there.instance / "secret.key").write_bytes(key)
    command(there, "restore", backup, "--yes")
    with there, MqttClient(there.tcp) as subscriber:
        answer = subscriber.connect("subscriber", clean_start=False, properties=FOR_EVER)
        assert answer.session_present
        assert there.data("banned") == banned
        with MqttClient(there.tcp) as late:
            late.connect("late")
            late.publish("numbers", b"end")
            received = numbers(subscriber)
            late.subscribe("last")
            retained = late.receive()
    assert received == list(range(1, len(received) + 1))
    assert before <= len(received) <= after
    assert isinstance(retained, Publish)
    assert len(received) - 1 <= int(retained.payload) <= len(received)


def numbers(client: MqttClient) -> list[int]:
    """Return what the session held, in order; the last one is followed by `end`."""
    found: list[int] = []
    while True:
        packet = client.receive(30.0)
        assert isinstance(packet, Publish)
        if packet.payload == b"end":
            return found
        found.append(int(packet.payload))
        client.send(Puback(packet.packet_id or 0))
