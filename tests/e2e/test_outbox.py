"""Results that wait on disk: a node that is killed in the middle of a stream loses none that it acknowledged."""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.mqtt.packets import Puback, Publish
from tests.harness.mqtt_client import MqttClient
from tests.harness.nats_servers import NatsListener, NatsProcess
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.ports import free_port

V4 = "/api/v4"
STREAM = 400
KILLS = 2
IN_FLIGHT = 20


class FlakyServer:
    """A web server that refuses every other request with 503, half of them after it has taken what was sent."""

    def __init__(self, port: int) -> None:
        self.got: Counter[str] = Counter()
        self.requests = 0
        self.is_well = False
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(200 if outer.takes(body.decode()) else 503)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def takes(self, body: str) -> bool:
        with self._lock:
            self.requests += 1
            is_down = not self.is_well and self.requests % 2 == 0
            if not is_down or self.requests % 4 == 0:
                self.got[body] += 1
            return not is_down

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[tuple[FlakyServer, int]]:
    port = free_port()
    made = FlakyServer(port)
    yield made, port
    made.close()


def ask(node: NodeProcess, method: str, path: str, body: Any = None) -> Any:
    """Return `data` of a call that succeeds."""
    answer = node.api(method, f"{V4}/{path}", body).body
    assert answer["code"] == 0, answer
    return answer.get("data")


def a_rule(node: NodeProcess, url: str, **params: Any) -> str:
    hook = ask(node, "POST", "resources", {"type": "web_hook", "config": {"url": url}})["id"]
    action = {"name": "data_to_webserver", "params": {"$resource": hook, "body": "${payload}", **params}}  # fmt: skip
    sql = 'SELECT payload FROM "stream/#"'
    made: str = ask(node, "POST", "rules", {"rawsql": sql, "actions": [action]})["id"]
    return made


def figures(node: NodeProcess, rule_id: str) -> dict[str, int]:
    (action,) = ask(node, "GET", f"rules/{rule_id}")["actions"]
    found: dict[str, int] = action["metrics"][0]
    return found


def stream_until_killed(node: NodeProcess, begin: int, kill_after: int) -> tuple[set[str], int]:
    """Publish at QoS 1 and kill the node in the middle; return what was acknowledged, and where to go on."""
    acknowledged: set[str] = set()
    sent = begin
    with MqttClient(node.tcp) as publisher:
        publisher.connect("publisher")
        names: dict[int, str] = {}
        while len(acknowledged) < kill_after:
            while len(names) < IN_FLIGHT:
                packet_id = sent % 60_000 + 1
                names[packet_id] = f"message {sent}"
                publisher.send(
                    Publish("stream/a", names[packet_id].encode(), 1, packet_id=packet_id)
                )
                sent += 1
            answer = publisher.receive()
            assert isinstance(answer, Puback)
            acknowledged.add(names.pop(answer.packet_id))
        node.kill()
    return acknowledged, sent


def test_what_the_api_has_published_is_on_disk_when_it_answers(make_node: MakeNode) -> None:
    node = make_node()
    rule = a_rule(node, f"http://127.0.0.1:{free_port()}/", disk_cache=True)
    count = 30
    for number in range(count):
        message = {"topic": "stream/a", "clientid": "c", "payload": str(number), "qos": 1}
        ask(node, "POST", "mqtt/publish", message)
    node.kill()
    node.start()
    eventually(lambda: figures(node, rule)["recovered"] == count, "all of it on disk")


def test_a_killed_node_loses_no_acknowledged_message(
    make_node: MakeNode, server: tuple[FlakyServer, int]
) -> None:
    target, port = server
    node = make_node(**{"rule_engine.action_queue.retry_interval": "10ms"})
    rule = a_rule(node, f"http://127.0.0.1:{port}/", disk_cache=True)
    acknowledged: set[str] = set()
    begin = 0
    possible_duplicates = 0
    for _ in range(KILLS):
        more, begin = stream_until_killed(node, begin, STREAM // KILLS)
        acknowledged |= more
        node.start()
        possible_duplicates += figures(node, rule)["recovered"]
    target.is_well = True
    eventually(lambda: figures(node, rule)["queued"] == 0, "an empty outbox", deadline_s=60.0)
    assert len(acknowledged) >= STREAM
    assert acknowledged - set(target.got) == set()
    assert figures(node, rule)["dead_letters"] == 0
    repeated = sum(target.got.values()) - len(target.got)
    assert repeated <= possible_duplicates + target.requests // 2
    stopped = node.stop()
    assert stopped.status == 0
    assert "Traceback" not in stopped.log


def test_what_is_given_up_is_listed_and_tried_once_more(
    make_node: MakeNode, server: tuple[FlakyServer, int]
) -> None:
    target, port = server
    node = make_node(**{"rule_engine.action_queue.retry_interval": "10ms"})
    rule = a_rule(node, f"http://127.0.0.1:{port}/", max_retries=0)
    for number in range(6):
        ask(node, "POST", "mqtt/publish", {"topic": "stream/a", "payload": str(number), "qos": 1})
    eventually(lambda: figures(node, rule)["dead_letters"] == 3, "three dead letters")
    eventually(lambda: len(ask(node, "GET", "rule_dead_letters")) == 3, "three on disk")
    listed = node.api("GET", f"{V4}/rule_dead_letters?rule={rule}&_limit=2").body
    assert (listed["meta"]["count"], listed["meta"]["hasnext"]) == (3, True)
    expected = {"waiting": 0, "dead_letters": 3, "dead_letters_dropped": 0, "not_written": 0}
    assert ask(node, "GET", "rule_outbox") == expected
    first = listed["data"][0]
    assert first["reason"] == "the server answered 503"
    shown = ask(node, "GET", f"rule_dead_letters/{first['id']}")
    assert shown["event"]["topic"] == "stream/a"
    node.restart()
    assert ask(node, "GET", "rule_dead_letters")[0]["id"] == first["id"]
    target.is_well = True
    assert ask(node, "POST", f"rule_dead_letters/{first['id']}/replay") is None
    eventually(lambda: len(ask(node, "GET", "rule_dead_letters")) == 2, "one less")
    assert shown["output"]["payload"] in target.got
    done = ask(node, "POST", f"rules/{rule}/dead_letters/replay")
    assert done == {"replayed": 2, "left": 0}
    eventually(lambda: ask(node, "GET", "rule_dead_letters") == [], "none left")
    assert set(target.got) == {str(number) for number in range(6)}
    assert node.api("DELETE", f"{V4}/rule_dead_letters/{first['id']}").body["code"] == 404
    assert ask(node, "DELETE", f"rules/{rule}/dead_letters") == {"deleted": 0}


def test_a_statement_is_tried_on_what_a_rule_has_recorded(make_node: MakeNode) -> None:
    node = make_node(**{"rule_engine.recorder.max_len": "3"})
    actions = [{"name": "do_nothing"}]
    sql = 'SELECT payload.x AS x FROM "t/#"'
    rule = ask(node, "POST", "rules", {"rawsql": sql, "actions": actions, "enabled": False})["id"]
    assert node.api("GET", f"{V4}/rules/{rule}/recorder").body["code"] == 400
    assert ask(node, "PUT", f"rules/{rule}/recorder", {"enable": True}) is None
    for payload in ('{"x": 0}', '{"x": 1}', "no json", '{"x": 2}'):
        ask(node, "POST", "mqtt/publish", {"topic": "t/a", "payload": payload})
    recorded = ask(node, "GET", f"rules/{rule}/recorder")
    assert [one["payload"] for one in recorded] == ['{"x": 1}', "no json", '{"x": 2}']
    first, second, third = ask(node, "POST", f"rules/{rule}/recorder/test", {})
    assert (first["topic"], first["result"], third["result"]) == ("t/a", {"x": 1}, {"x": 2})
    assert second["error"].startswith("decode_json_failed")
    other = {"rawsql": 'SELECT payload.x AS x FROM "t/#" WHERE payload.x > 1'}
    tried = ask(node, "POST", f"rules/{rule}/recorder/test", other)
    assert tried[0]["no_result"] == "nothing is selected"
    assert tried[2]["result"] == {"x": 2}
    elsewhere = ask(node, "POST", f"rules/{rule}/recorder/test", {"rawsql": 'SELECT * FROM "u"'})
    assert {one["no_result"] for one in elsewhere} == {"FROM does not match"}
    assert ask(node, "GET", f"rules/{rule}")["metrics"][0]["matched"] == 0
    assert ask(node, "PUT", f"rules/{rule}/recorder", {"enable": False}) is None
    assert node.api("GET", f"{V4}/rules/{rule}/recorder").body["code"] == 400


def test_neither_a_killed_node_nor_a_killed_nats_server_loses_an_acknowledged_message(
    make_node: MakeNode, tmp_path: Path
) -> None:
    node = make_node(**{"rule_engine.action_queue.retry_interval": "10ms"})
    with NatsProcess(tmp_path) as server:
        with NatsListener(server.port) as listener:
            listener.make_stream("S", "stream")
        config = {"servers": server.address}
        nats = ask(node, "POST", "resources", {"type": "bridge_nats", "config": config})["id"]
        params = {
            "$resource": nats,
            "subject": "stream",
            "payload_tmpl": "${payload}",
            "headers": {"Nats-Msg-Id": "${id}"},
            "jetstream": True,
            "ack_timeout": "1s",
            "disk_cache": True,
        }
        action = {"name": "data_to_nats", "params": params}
        sql = 'SELECT id, payload FROM "stream/#"'
        rule = ask(node, "POST", "rules", {"rawsql": sql, "actions": [action]})["id"]
        acknowledged, begin = stream_until_killed(node, 0, STREAM // 2)
        server.stop()
        node.start()
        more, _ = stream_until_killed(node, begin, STREAM // 2)
        acknowledged |= more
        server.start()
        node.start()
        eventually(lambda: figures(node, rule)["queued"] == 0, "an empty outbox", deadline_s=60.0)
        with NatsListener(server.port) as listener:
            stored = [
                base64.b64decode(listener.message("S", place)["data"]).decode()
                for place in range(1, listener.stored("S") + 1)
            ]
    assert len(acknowledged) >= STREAM
    assert acknowledged - set(stored) == set()
    # What was delivered again carried the same id, and the stream took it once.
    assert len(stored) == len(set(stored))
    stopped = node.stop()
    assert stopped.status == 0
    assert "Traceback" not in stopped.log
