"""The HTTP contract, walked against the real server with a real client connected."""

from __future__ import annotations

import base64
import http.client
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import paho.mqtt.client as paho
import pytest

from tests.api.contract import walk, walk_v2, walk_v3
from tests.api.contract.walk import Facts
from tests.harness.node import NodeProcess
from tests.harness.ports import free_port

AUTHORIZATION = "Basic " + base64.b64encode(b"admin:public").decode()


def test_every_generation_is_served_at_every_port_of_the_api(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
    node = NodeProcess(tmp_path, **{"management.listener.http": addresses})
    node.ports["management"] = ports[0]
    with node:
        for port in ports:
            node.ports["management"] = port
            for path in ("v2/management/nodes", "v3/brokers", "v4/brokers"):
                answer = node.api("GET", f"/api/{path}")
                assert (answer.status, answer.body["code"]) == (200, 0)


@pytest.mark.parametrize("generation", [walk_v2, walk_v3, walk])
def test_a_real_node_answers_every_documented_call_in_every_spelling(
    node: NodeProcess, generation: ModuleType
) -> None:
    subscribed = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="walked/one")
    client.username_pw_set("walker")
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda *_: client.subscribe("walk/+", 1)
    client.connect(*node.tcp)
    client.loop_start()
    try:
        assert subscribed.wait(5)
        connection = http.client.HTTPConnection("127.0.0.1", node.ports["management"], timeout=10)

        def send(
            method: str, path: str, body: bytes | None
        ) -> tuple[int, Mapping[str, str], bytes]:
            connection.request(method, path, body, {"Authorization": AUTHORIZATION})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

        facts = Facts(
            node="godwit@127.0.0.1", clientid="walked/one", username="walker", topic="walk/+"
        )
        assert generation.walk(send, facts) == []
        connection.close()
    finally:
        client.disconnect()
        client.loop_stop()
