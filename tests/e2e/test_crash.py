"""A node that is killed keeps what it promised. `make soak` does the same for as long as one likes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.mqtt_client import MqttClient
from tests.harness.node import GUNICORN, ROOT, MakeNode, NodeProcess, eventually
from tests.soak.clients import FOR_EVER
from tests.soak.crashes import Crashes, settings
from tests.soak.ledger import Ledger
from tests.soak.nursery import Nursery

BY_DEFAULT = {"zone.external.max_mqueue_len": "0", "zone.external.max_awaiting_rel": "0"}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_node_that_ends_in_every_way_under_load_breaks_no_promise(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with Nursery(tmp_path, **settings(chance)) as house:
        crashes = Crashes(house, chance)
        crashes.each_way_once()
        ledger = crashes.go_on(2)
    assert ledger.acknowledged
    assert ledger.everything.connections > len(crashes.ways)


class Served(NodeProcess):
    """A node behind its real server, as the clients of the soak see it."""

    incarnation = 1

    def address(self, listener: str = "tcp") -> tuple[str, int]:
        """Return where MQTT is served."""
        return "127.0.0.1", self.ports.get(listener, self.ports["tcp"])

    def is_replaced(self, number: signal.Signals) -> None:
        """End the worker, and wait for the next one, which gunicorn starts."""
        starts = self.log.count("is up:")
        os.kill(self.worker_pid, number)
        eventually(lambda: self.log.count("is up:") > starts, "a new worker", 120)
        self.incarnation += 1


@pytest.mark.timeout(400)
def test_gunicorn_replaces_a_worker_that_was_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    with Served(tmp_path, **BY_DEFAULT) as node:
        ledger = Ledger(node, random.Random(3))
        ledger.start()
        for number in (signal.SIGKILL, signal.SIGTERM):
            ledger.waits_for_more(200, 5.0)
            node.is_replaced(number)
        ledger.settle()


@pytest.mark.timeout(400)
def test_a_node_that_is_asked_to_stop_on_its_way_up_stops_and_keeps_what_it_had(
    tmp_path: Path,
) -> None:
    with NodeProcess(tmp_path) as node, MqttClient(node.tcp) as client:
        client.connect("c", properties=FOR_EVER)
    assert [status_of_a_stop_on_the_way_up(node, tmp_path / "begun.log") for _ in range(2)] == [
        0,
        0,
    ]
    assert "Traceback" not in (tmp_path / "begun.log").read_text("utf-8")
    with node, MqttClient(node.tcp) as client:
        assert client.connect("c", clean_start=False, properties=FOR_EVER).session_present


def status_of_a_stop_on_the_way_up(node: NodeProcess, log_file: Path) -> int:
    """Start the server, ask it to stop as soon as it has a worker, and return its status."""
    with log_file.open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, *GUNICORN], cwd=ROOT, env=node.environment, stderr=log
        )
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    eventually(lambda: server.poll() is not None or children.read_text(), "a worker", 60)
    server.send_signal(signal.SIGTERM)
    return server.wait(60)


@pytest.mark.timeout(400)
def test_topic_metrics_and_bans_survive_as_well(make_node: MakeNode) -> None:
    node = make_node()
    ban = {"as": "clientid", "who": "bad", "by": "me", "reason": "why"}
    load = "/api/v4/modules/emqx_mod_topic_metrics/load"
    assert node.api("PUT", load).status == 200
    assert node.api("POST", "/api/v4/topic-metrics", {"topic": "counted"}).status == 200
    assert node.api("POST", "/api/v4/banned", ban).status == 200
    node.kill()
    node.start()
    assert [one["who"] for one in node.data("banned")] == ["bad"]
    assert "counted" in str(node.data("topic-metrics"))
