"""Rules on real servers: web servers that come and go, another broker, and what a restart leaves."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.mqtt.packets import MQTT_3_1_1, MQTT_5, Puback, Publish
from tests.harness.certificates import Authority
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.ports import free_port

V4 = "/api/v4"


class WebServer:
    """A web server that keeps what it is sent."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.got: list[tuple[str, str, str, bytes]] = []
        """Method, path, content type and body of each request."""
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                kind = self.headers.get("content-type", "")
                outer.got.append((self.command, self.path, kind, body))
                self.send_response(outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def web_server(port: int, tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    server = WebServer(port, tls)
    try:
        yield server
    finally:
        server.close()


def ask(node: NodeProcess, method: str, path: str, body: Any = None) -> Any:
    """Return `data` of a call that succeeds."""
    answer = node.api(method, f"{V4}/{path}", body).body
    assert answer["code"] == 0, answer
    return answer.get("data")


def a_resource(node: NodeProcess, kind: str, **config: Any) -> str:
    made: str = ask(node, "POST", "resources", {"type": kind, "config": config})["id"]
    return made


def a_rule(node: NodeProcess, sql: str, name: str, **params: Any) -> str:
    actions = [{"name": name, "params": params}]
    made: str = ask(node, "POST", "rules", {"rawsql": sql, "actions": actions})["id"]
    return made


def action_metrics(node: NodeProcess, rule_id: str) -> dict[str, int]:
    (action,) = ask(node, "GET", f"rules/{rule_id}")["actions"]
    figures: dict[str, int] = action["metrics"][0]
    return figures


def publish(node: NodeProcess, topic: str, payload: str, qos: int = 1) -> None:
    ask(node, "POST", "mqtt/publish", {"topic": topic, "payload": payload, "qos": qos})


def test_results_reach_a_web_server_that_comes_and_goes(make_node: MakeNode) -> None:
    node = make_node(
        **{
            "rule_engine.action_queue.retry_interval": "20ms",
            "rule_engine.action_queue.max_retries": "200",
        }
    )
    port = free_port()
    hook = a_resource(node, "web_hook", url=f"http://127.0.0.1:{port}/base")
    sql = 'SELECT payload.x AS x, clientid FROM "t/#" WHERE payload.x > 1'
    rule = a_rule(
        node, sql, "data_to_webserver", **{"$resource": hook, "path": "/in/${x}", "body": "${x}!"}
    )
    publish(node, "t/1", '{"x": 2}')
    publish(node, "t/1", '{"x": 1}')
    eventually(lambda: action_metrics(node, rule)["retried"] > 0, "a retry")
    assert ask(node, "GET", f"resource_status/{hook}") == {"is_alive": False}
    alarms = ask(node, "GET", "alarms/activated")[0]["alarms"]
    assert f"resource/web_hook/{hook}/down" in [one["name"] for one in alarms]
    with web_server(port) as server:
        eventually(lambda: server.got, "a request")
        assert server.got == [("POST", "/base/in/2", "application/json", b"2!")]
        eventually(lambda: action_metrics(node, rule)["success"] == 1)
        assert ask(node, "POST", f"resources/{hook}") is None
        eventually(lambda: ask(node, "GET", "resources")[0]["status"] is True, "a live resource")
        server.status = 404
        publish(node, "t/1", '{"x": 3}')
        eventually(lambda: action_metrics(node, rule)["failed"] == 1)
        server.status = 200
        node.restart()
        eventually(lambda: ask(node, "GET", f"resource_status/{hook}")["is_alive"], "a live one")
        server.got.clear()
        publish(node, "t/1", '{"x": 4}')
        eventually(lambda: server.got, "a request after the restart")
    figures = ask(node, "GET", "rules")[0]["metrics"][0]
    assert (figures["matched"], figures["passed"]) == (1, 1)
    stopped = node.stop()
    assert stopped.status == 0
    assert "Traceback" not in stopped.log
    assert "Unclosed" not in stopped.log


@pytest.mark.parametrize("proto_ver", ["mqttv3", "mqttv4", "mqttv5"])
def test_messages_go_on_to_another_node_of_ours_also_after_it_was_away(
    make_node: MakeNode, proto_ver: str
) -> None:
    other, node = make_node(), make_node()
    bridge = a_resource(
        node,
        "bridge_mqtt",
        address=f"127.0.0.1:{other.ports['tcp']}",
        mountpoint="from/${node}/",
        pool_size=2,
        proto_ver=proto_ver,
        reconnect_interval="100ms",
    )
    rule = a_rule(
        node, 'SELECT * FROM "t/#"', "data_to_mqtt_broker",
        **{"$resource": bridge, "payload_tmpl": "${payload}"},
    )  # fmt: skip
    eventually(lambda: ask(node, "GET", f"resource_status/{bridge}")["is_alive"], "a connection")
    with MqttClient(other.tcp) as watcher:
        watcher.connect("watcher")
        watcher.subscribe("from/#", 2)
        for qos in (0, 1, 2):
            publish(node, f"t/{qos}", f"message {qos}", qos)
            got = watcher.receive()
            assert isinstance(got, Publish)
            assert (got.topic, got.payload, got.qos) == (
                f"from/godwit@127.0.0.1/t/{qos}",
                f"message {qos}".encode(),
                qos,
            )
            if qos == 1:
                watcher.send(Puback(got.packet_id or 0))
    eventually(lambda: action_metrics(node, rule)["success"] == 3)
    other.kill()
    eventually(lambda: not ask(node, "GET", f"resource_status/{bridge}")["is_alive"])
    for number in range(3):
        publish(node, "t/late", str(number))
    assert action_metrics(node, rule)["queued"] == 3
    other.start()
    eventually(lambda: action_metrics(node, rule)["success"] == 6, deadline_s=10.0)


@contextmanager
def mosquitto(folder: Path, port: int) -> Iterator[None]:
    settings = folder / "mosquitto.conf"
    (folder / "passwords").write_text("")
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen(
        ["mosquitto", "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="install mosquitto")
@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
def test_messages_go_on_to_mosquitto(make_node: MakeNode, tmp_path: Path, version: int) -> None:
    node, port = make_node(), free_port()
    with mosquitto(tmp_path, port):
        bridge = a_resource(
            node,
            "bridge_mqtt",
            address=f"127.0.0.1:{port}",
            mountpoint="",
            pool_size=1,
            proto_ver=f"mqttv{version}",
            bridge_mode=True,
        )
        a_rule(
            node, 'SELECT payload, qos FROM "t"', "data_to_mqtt_broker",
            **{"$resource": bridge, "forward_topic": "there/${qos}"},
        )  # fmt: skip
        eventually(
            lambda: ask(node, "GET", f"resource_status/{bridge}")["is_alive"], "a connection"
        )
        with MqttClient(("127.0.0.1", port)) as watcher:
            watcher.connect("watcher")
            watcher.subscribe("there/#", 2)
            publish(node, "t", "x", qos=2)
            got = watcher.receive()
        assert isinstance(got, Publish)
        assert (got.topic, got.payload, got.qos) == ("there/2", b'{"payload":"x","qos":2}', 2)


def test_the_engine_can_be_switched_off_with_all_its_calls(make_node: MakeNode) -> None:
    node = make_node()
    rule = a_rule(node, 'SELECT * FROM "t"', "republish", target_topic="out", target_qos=0)
    plugin = f"{V4}/nodes/godwit@127.0.0.1/plugins/emqx_rule_engine"
    assert node.api("PUT", f"{plugin}/unload").body == {"code": 0}
    assert node.api("GET", f"{V4}/rules").status == 404
    with MqttClient(node.tcp) as client:
        client.connect("c")
        client.subscribe("out")
        assert node.api("PUT", f"{plugin}/load").body == {"code": 0}
        assert [one["id"] for one in ask(node, "GET", "rules")] == [rule]
        publish(node, "t", "again")
        got = client.receive()
    assert isinstance(got, Publish) and got.payload == b"again"


def test_certificates_are_checked_where_they_are_to_be(make_node: MakeNode, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("server")
    ports = {"ssl": free_port(), "https": free_port()}
    other = make_node(
        **{
            "listener.ssl.external": f"127.0.0.1:{ports['ssl']}",
            "listener.ssl.external.certfile": str(pair.certfile),
            "listener.ssl.external.keyfile": str(pair.keyfile),
        }
    )
    node = make_node()
    ours = {"verify": True, "cacertfile": {"file": authority.certfile.read_text()}}
    strangers = {"verify": True, "cacertfile": str(Authority(tmp_path / "x").certfile)}
    bridge = {"address": f"localhost:{ports['ssl']}", "ssl": True, "pool_size": 1}
    hook = {"url": f"https://localhost:{ports['https']}"}

    def alive(kind: str, **config: Any) -> str:
        resource = a_resource(node, kind, **config)
        eventually(lambda: ask(node, "GET", f"resource_status/{resource}")["is_alive"])
        return resource

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certfile, pair.keyfile)
    with web_server(ports["https"], tls) as server, MqttClient(other.tcp) as watcher:
        refused = {"type": "bridge_mqtt", "config": {**bridge, **strangers}, "test": True}
        answer = node.api("POST", f"{V4}/resources", refused).body
        assert "certificate verify failed" in answer["message"].lower()
        watcher.connect("watcher")
        watcher.subscribe("there")
        a_rule(
            node, 'SELECT * FROM "t"', "data_to_mqtt_broker",
            **{"$resource": alive("bridge_mqtt", mountpoint="", **bridge, **ours),
               "forward_topic": "there", "payload_tmpl": "${payload}"},
        )  # fmt: skip
        rules = {
            name: a_rule(
                node, 'SELECT * FROM "t"', "data_to_webserver",
                **{"$resource": alive("web_hook", **hook, **config), "path": name},
            )
            for name, config in (("known", ours), ("unknown", strangers))
        }  # fmt: skip
        publish(node, "t", "over TLS")
        got = watcher.receive()
        assert isinstance(got, Publish) and got.payload == b"over TLS"
        eventually(lambda: action_metrics(node, rules["known"])["success"] == 1)
        eventually(lambda: action_metrics(node, rules["unknown"])["retried"] > 0)
        assert [path for _, path, _, _ in server.got] == ["/known"]
