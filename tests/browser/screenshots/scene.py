"""What a node is given before it is photographed: an hour of history, and something on every page."""

from __future__ import annotations

import http.server
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.config import load_settings
from app.models import Database, HistorySample
from app.services.history import SPANS
from tests.browser.screenshots.fleet import CLIENTS
from tests.harness.node import ROOT, NodeProcess
from tests.harness.ports import free_port

MODULES = ("emqx_mod_topic_metrics", "emqx_mod_slow_subs", "emqx_mod_trace", "emqx_mod_delayed")
PLUGINS = ("emqx_auth_mnesia", "emqx_bridge_mqtt")
NODE = "godwit@127.0.0.1"
STATEMENT = (
    "SELECT\n  payload.value AS value,\n  clientid,\n  timestamp\n"
    'FROM "site/+/value"\nWHERE value > 22.5'
)
RULES = (
    {
        "id": "too-warm",
        "description": "Tells the facility what is too warm",
        "rawsql": STATEMENT,
        "actions": [
            {"name": "republish", "params": {"target_topic": "warm/${clientid}"}},
            {"name": "data_to_webserver", "params": {"$resource": "facility"}},
        ],
    },
    {
        "id": "orders",
        "description": "Values of the presses, to a shop that is closed",
        "rawsql": 'SELECT * FROM "site/press-07/value"',
        "actions": [
            {"name": "data_to_webserver", "params": {"$resource": "closed-shop", "max_retries": 0}}
        ],
    },
    {
        "id": "who-comes",
        "description": "Who connects and leaves",
        "rawsql": 'SELECT clientid, username FROM "$events/client_connected"',
        "enabled": False,
        "actions": [{"name": "inspect"}],
    },
)
PASSWORD = "a-long-password-1"
OPERATOR = "ada"
"""Takes the pictures, as an administrator who has chosen a password."""
USERS = (
    {"username": OPERATOR, "role": "administrator", "tags": "operations"},
    {"username": "grace", "role": "operator", "tags": "line 2"},
    {"username": "linus", "role": "viewer", "tags": "on call"},
)
BANS = (
    {"who": "meter-3391", "as": "clientid", "reason": "sends twice a second", "by": "ada"},
    {"who": "203.0.113.9", "as": "peerhost", "reason": "scans for ports", "by": "flapping"},
    {"who": "old-firmware", "as": "username", "reason": "to be updated", "by": "ada"},
)


def settings() -> dict[str, str]:
    """Return those of the node: it has a bridge to itself."""
    inner = f"127.0.0.1:{free_port()}"
    return {
        "listener.tcp.inner": inner,
        "bridge.mqtt.cloud.address": inner,
        "bridge.mqtt.cloud.start_type": "auto",
        "bridge.mqtt.cloud.clientid": "godwit-site",
        "bridge.mqtt.cloud.forwards": "site/+/state",
        "bridge.mqtt.cloud.subscription.1.topic": "cloud/orders/#",
        "rule_engine.recorder.max_len": "20",
    }


class _Shop(http.server.BaseHTTPRequestHandler):
    """Takes whatever it is sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_request(self, *_said: object) -> None:
        """Say nothing."""


@contextmanager
def shops(node: NodeProcess) -> Iterator[None]:
    """Have rules whose targets are there; one of them closes when its rule is made."""
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Shop) for _ in range(2)]
    for server, name in zip(servers, ("facility", "closed-shop"), strict=True):
        threading.Thread(target=server.serve_forever).start()
        config = {"url": f"http://127.0.0.1:{server.server_port}/values"}
        resource = {"id": name, "type": "web_hook", "config": config, "description": name}
        _make(node, "resources", resource)
    for rule in RULES:
        _make(node, "rules", rule)
    _close(servers[1])
    try:
        yield
    finally:
        _close(servers[0])


def set_going(node: NodeProcess) -> None:
    """Switch on what is off by default, and give it something to show."""
    for module in MODULES:
        node.api("PUT", f"/api/v4/modules/{module}/load")
    for plugin in PLUGINS:
        node.api("PUT", f"/api/v4/nodes/{NODE}/plugins/{plugin}/load")
    for name, _user, _version in CLIENTS[:2]:
        _make(node, "topic-metrics", {"topic": f"site/{name}/value"})
    _make(node, "trace", {"name": "press", "type": "clientid", "clientid": "press-07"})
    _make(node, "mqtt/publish", {"topic": "$delayed/600/site/later", "payload": '{"when": "soon"}'})
    for ban in BANS:
        _make(node, "banned", ban)
    for name in ("billing", "gateway-north", "press-07"):
        _make(node, "auth_username", {"username": name, "password": "a-long-password"})
        _make(node, "auth_clientid", {"clientid": name, "password": "a-long-password"})
    rule = {"username": "billing", "topic": "site/+/value", "action": "sub", "access": "allow"}
    _make(node, "acl", rule)
    _make(node, "acl", {"topic": "site/%c/set", "action": "pub", "access": "deny"})
    _make(
        node,
        "apps",
        {"app_id": "grafana", "name": "Grafana", "secret": "a-long-secret", "status": True},
    )
    for user in USERS:
        _make(node, "users", {**user, "password": PASSWORD})
    made = node.api("POST", "/api/v4/data/export").body["data"]
    path = f"/api/v4/data/file/{made['filename']}"
    kept = node.api("GET", path).body
    changed = json.loads(kept["file"])
    changed["blacklist"] = [{**changed["blacklist"][0], "reason": "sends all the time"}]
    _make(node, "data/file", {"filename": "from-plant-b.json", "file": json.dumps(changed)})


def back_up(node: NodeProcess) -> None:
    """Have a backup of what there is."""
    folder = node.instance / "backups"
    folder.mkdir()
    command = [sys.executable, "-m", "app.cli", "backup", "--same-key"]
    subprocess.run(
        [*command, str(folder / "godwit-20261121-060000.backup")],
        cwd=ROOT,
        env=node.environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def remember(node: NodeProcess) -> None:
    """Write down an hour of history, which a node that has just started does not have."""
    level = SPANS["1h"]
    database = Database(load_settings({"GODWIT_INSTANCE": str(node.instance)}))
    now_ms = time.time_ns() // 1_000_000
    newest = now_ms - now_ms % (level.period_s * 1000)
    try:
        with database.session() as session:
            for step in range(1, level.periods):
                at_ms = newest - step * level.period_s * 1000
                session.merge(_sample(level.period_s, level.periods, at_ms))
    finally:
        database.close()


def _make(node: NodeProcess, what: str, values: dict[str, Any]) -> None:
    # Users are made at the dashboard's own port, which has all calls that the others have.
    answer = node.api("POST", f"/api/v4/{what}", values, listener="dashboard")
    assert answer.status in (200, 201), (what, answer)
    assert answer.body["code"] == 0, (what, answer)


def _close(server: http.server.ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


def _sample(period_s: int, periods: int, at_ms: int) -> HistorySample:
    covered_ms = period_s * 1000
    wave = math.sin(at_ms / 420_000) + 0.4 * math.sin(at_ms / 97_000)
    connections = round(len(CLIENTS) - 1 + wave)
    received = int(period_s * (18 + 6 * wave + 2 * math.sin(at_ms / 31_000)))
    return HistorySample(
        node=NODE,
        period_s=period_s,
        slot=at_ms // covered_ms % periods,
        at=at_ms,
        covered_ms=covered_ms,
        connections=connections * covered_ms,
        sessions=(connections + 1) * covered_ms,
        subscriptions=connections * covered_ms,
        topics=(connections - 1) * covered_ms,
        retained=len(CLIENTS) * covered_ms,
        memory=int((92 + 3 * wave) * 2**20) * covered_ms,
        messages_received=received,
        messages_sent=received * 2,
        messages_dropped=max(0, int(40 * wave) - 45),
        bytes_received=received * 180,
        bytes_sent=received * 360,
        cpu_ms=int(period_s * 10 * (4 + wave)),
    )
