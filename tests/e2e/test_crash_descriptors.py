"""A node that has no descriptor left: who is connected stays, nothing spins, and newcomers come in later."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from pathlib import Path

import pytest

from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually

SPARE = 4
NEWCOMERS = 12
BUSY_SHARE = 0.8
"""Of a processor, which a listener that spins uses up."""
LOOKED_AT_S = 2.5


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def limit(node: NodeProcess, count: int) -> None:
    _, most = resource.prlimit(node.worker_pid, resource.RLIMIT_NOFILE)
    resource.prlimit(node.worker_pid, resource.RLIMIT_NOFILE, (min(count, most), most))


def newcomers(node: NodeProcess, listener: str) -> list[socket.socket]:
    found = []
    for _ in range(NEWCOMERS):
        with contextlib.suppress(OSError):
            found.append(socket.create_connection(("127.0.0.1", node.ports[listener]), 5))
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "settings",
    [{}, {"listener.tcp.external.max_conn_rate": "1000"}],
    ids=["the loop's own listener", "a listener with a limited rate"],
)
def test_a_node_out_of_descriptors_keeps_its_clients_and_recovers(
    make_node: MakeNode, settings: dict[str, str]
) -> None:
    node = make_node(**{"vm_mon.check_interval": "500ms", **settings})
    worker = node.worker_pid
    with MqttClient(node.tcp) as client, contextlib.ExitStack() as stack:
        client.connect("here before")
        client.subscribe("t", 1)
        before = resource.prlimit(worker, resource.RLIMIT_NOFILE)[0]
        limit(node, descriptors_of(worker) + SPARE)
        for listener in ("tcp", "management"):
            for sock in newcomers(node, listener):
                stack.enter_context(sock)
        eventually(lambda: "The HTTP listeners cannot accept" in node.log, "the log line", 30)
        eventually(lambda: "/down is activated" in node.log, "the alarm", 30)
        used_s, began_s = processor_s(worker), time.monotonic()
        with pytest.raises(TimeoutError):
            client.receive(LOOKED_AT_S)
        assert processor_s(worker) - used_s < BUSY_SHARE * (time.monotonic() - began_s)
        client.expect_silence()
        limit(node, before)
        eventually(lambda: node.api("GET", "/status", auth=None).status == 200, "the API", 30)
    with MqttClient(node.tcp) as again:
        assert again.connect("here afterwards").reason_code == 0
    eventually(lambda: "/down is deactivated" in node.log, "the alarm's end", 30)
    assert node.worker_pid == worker
