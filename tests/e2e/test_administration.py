"""Users, settings, metrics and the audit log of a real server, over a restart."""

from __future__ import annotations

import base64
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.mqtt.reason_codes import ReasonCode
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess

PASSWORD = "s3cret-of-alice"
ALICE = ("alice", PASSWORD)


@pytest.fixture
def node(make_node: MakeNode) -> NodeProcess:
    return make_node()


def test_what_an_administrator_decides_survives_a_restart(node: NodeProcess) -> None:
    user = {"username": "alice", "password": PASSWORD, "tags": "viewer"}
    assert node.api("POST", "/api/v4/users", user, listener="dashboard").body == {"code": 0}
    change = {"value": 1}
    put = node.api("PUT", "/api/v4/configs/management.max_row_limit", change)
    assert put.body == {"code": 0}
    node.restart()
    assert node.api("GET", "/api/v4/nodes", auth=ALICE, listener="dashboard").status == 200
    assert node.api("GET", "/api/v4/nodes", auth=ALICE).status == 401
    answer = node.api("GET", "/api/v4/audit?action=config.update")
    assert answer.body["meta"]["limit"] == 1
    (row,) = answer.body["data"]
    assert (row["actor"], row["kind"], row["after"]) == ("admin", "app", {"value": "1"})
    assert row["address"] == "127.0.0.1"
    assert row["request_id"] == put.headers["X-Request-Id"]
    assert f"[{put.headers['X-Request-Id']}]" in node.log


@pytest.mark.parametrize("listener", ["management", "dashboard"])
def test_prometheus_reads_both_ports_without_a_login(node: NodeProcess, listener: str) -> None:
    answer = node.api("GET", "/metrics", auth=None, listener=listener)
    assert answer.status == 200
    names = {one.name for one in text_string_to_metric_families(answer.body)}
    assert {"emqx_connections_count", "emqx_messages_received", "emqx_vm_cpu_use"} <= names


def test_a_hot_setting_holds_for_the_next_client(node: NodeProcess) -> None:
    def connect() -> ReasonCode:
        with MqttClient(node.tcp) as client:
            return ReasonCode(client.connect("c1").reason_code)

    assert connect() is ReasonCode.SUCCESS
    change = {"allow_anonymous": False, "zone.external.max_inflight": 7}
    assert node.api("PUT", "/api/v4/configs", change).body == {"code": 0}
    assert connect() is ReasonCode.NOT_AUTHORIZED
    assert node.api("DELETE", "/api/v4/configs/allow_anonymous").body == {"code": 0}
    with MqttClient(node.tcp) as client:
        assert client.connect("c1").properties["receive_maximum"] == 7


def test_a_caller_that_sends_no_body_does_not_keep_the_api_from_others(make_node: MakeNode) -> None:
    node = make_node(**{"management.request_threads": "1"})
    login = b"Authorization: Basic " + base64.b64encode(b"admin:public")
    lines = (b"POST /api/v4/mqtt/publish HTTP/1.1", b"Host: localhost", b"Content-Length: 9", login)
    with socket.create_connection(("127.0.0.1", node.ports["management"])) as silent:
        silent.sendall(b"\r\n".join((*lines, b"", b"")))
        # The only thread waits for that body as long as a pause may be, and no longer.
        assert node.api("GET", "/api/v4/nodes").status == 200
        assert silent.recv(1_000).startswith(b"HTTP/1.1 400 ")


def test_a_caller_that_never_ends_its_head_does_not_keep_the_api_from_others(
    make_node: MakeNode,
) -> None:
    node = make_node(**{"management.request_threads": "1"})
    with socket.create_connection(("127.0.0.1", node.ports["management"])) as slow:
        slow.sendall(b"GET /api/v4/nodes HTTP/1.1\r\nHost: local")
        assert node.api("GET", "/api/v4/nodes").status == 200
        slow.settimeout(20)
        assert slow.recv(1_000) == b""
