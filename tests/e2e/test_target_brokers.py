"""Kafka, RabbitMQ and NATS as an operator meets them: through the API of a node, over a restart, to a clean end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness.kafka_double import KafkaDouble
from tests.harness.nats_servers import NatsProcess
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.ports import free_port
from tests.harness.rabbit_servers import RabbitProcess

V4 = "/api/v4"
pytestmark = pytest.mark.xdist_group("rabbit")


def ask(node: NodeProcess, method: str, path: str, body: Any = None) -> Any:
    answer = node.api(method, f"{V4}/{path}", body).body
    assert answer["code"] == 0, answer
    return answer.get("data")


def is_up(node: NodeProcess, resource: str) -> bool:
    (status,) = ask(node, "GET", f"resources/{resource}")["status"]
    return bool(status["is_alive"])


def test_targets_are_tried_made_shown_alive_and_found_again_after_a_restart(
    make_node: MakeNode, tmp_path: Path
) -> None:
    node = make_node()
    with KafkaDouble() as kafka, RabbitProcess(tmp_path) as rabbit, NatsProcess(tmp_path) as nats:
        targets = {
            "bridge_kafka": ({"servers": kafka.address}, "servers", "data_to_kafka"),
            "bridge_rabbit": ({"server": rabbit.address}, "server", "data_to_rabbit"),
            "bridge_nats": ({"servers": nats.address}, "servers", "data_to_nats"),
        }
        made = {}
        for kind, (config, address, action) in targets.items():
            wanted = {"type": kind, "config": config}
            assert node.api("POST", f"{V4}/resources?test=true", wanted).body["code"] == 0
            nobody = {"type": kind, "config": {address: f"127.0.0.1:{free_port()}"}}
            assert node.api("POST", f"{V4}/resources?test=true", nobody).body["code"] == 400
            made[kind] = ask(node, "POST", "resources", wanted)["id"]
            actions = [{"name": action, "params": {"$resource": made[kind]}}]
            ask(node, "POST", "rules", {"rawsql": 'SELECT * FROM "t"', "actions": actions})
        for resource in made.values():
            eventually(lambda one=resource: is_up(node, one), "a target that lives")
        ask(node, "POST", "mqtt/publish", {"topic": "t", "payload": "x", "clientid": "c"})
        node.restart()
        for resource in made.values():
            eventually(lambda one=resource: is_up(node, one), "a target that lives again")
        ask(node, "POST", "mqtt/publish", {"topic": "t", "payload": "x", "clientid": "c"})
        eventually(lambda: len(kafka.stored.get("mqtt", ())) >= 1, "a record")
        stopped = node.stop()
    assert stopped.status == 0
    for word in ("Traceback", "Task was destroyed", "Unclosed"):
        assert word not in stopped.log
