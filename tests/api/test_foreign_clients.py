"""Requests that other people's programs make, and what these programs do with the answers.

Some of the programs were run against a node, the requests of others replayed (docs/compatibility.md, "Judged by others'
clients"); what is kept here is what each asks for and what it would stumble over.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.config import ManagementSettings
from tests.harness.fake_nodes import NODE

EXPORTED = {
    "v2": (
        f"/api/v2/monitoring/metrics/{NODE}",
        f"/api/v2/monitoring/stats/{NODE}",
        f"/api/v2/monitoring/nodes/{NODE}",
        f"/api/v2/management/nodes/{NODE}",
    ),
    "v3": (
        f"/api/v3/nodes/{NODE}/metrics/",
        f"/api/v3/nodes/{NODE}/stats/",
        f"/api/v3/nodes/{NODE}",
    ),
    "v4": (
        f"/api/v4/nodes/{NODE}/metrics/",
        f"/api/v4/nodes/{NODE}/stats/",
        f"/api/v4/nodes/{NODE}",
    ),
}


def exported(api: Any, path: str, member: str) -> dict[str, object]:
    """Return the object that an exporter makes metrics of."""
    answer = api.ask("GET", path, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json["code"] == 0
    found = answer.json[member]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("version", EXPORTED)
def test_an_exporter_for_prometheus_finds_every_name_once(api: Any, version: str) -> None:
    member = "result" if version == "v2" else "data"
    for path in EXPORTED[version]:
        found = exported(api, path, member)
        assert any(isinstance(value, int | float) for value in found.values()) or version == "v2"
        # Names become metrics with underscores; twice the same is an error of the whole scrape.
        assert len({re.sub(r"[./]", "_", name) for name in found}) == len(found)


@pytest.mark.parametrize("management", [ManagementSettings(v3_names="dots")])
def test_an_exporter_written_for_3_2_can_replace_the_dots(api: Any) -> None:
    """It refuses every name that is none of Prometheus' after that."""
    counters = exported(api, f"/api/v3/nodes/{NODE}/metrics/", "data")
    assert all(re.fullmatch(r"[a-zA-Z_]\w*", name.replace(".", "_")) for name in counters)
    node = exported(api, f"/api/v3/nodes/{NODE}", "data")
    wanted = ("connections", "memory_total", "memory_used", "process_available", "process_used")
    assert all(float(str(node[name])) >= 0 for name in wanted)
    assert node["node_status"] == "Running"


def test_a_template_for_zabbix_finds_gauges_by_the_node_s_name(api: Any) -> None:
    (by_node,) = api.ask("GET", "/api/v2/monitoring/stats/").json["result"]
    assert {"clients/count", "clients/max", "sessions/count"} <= by_node[NODE].keys()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/clients?_page=1&_limit=10", None),
        ("GET", "/clients/c1", None),
        ("GET", f"/nodes/{NODE}/clients?_page=1&_limit=10", None),
        ("GET", "/subscriptions?_page=1&_limit=10&topic=a/b/c", None),
        ("POST", "/mqtt/subscribe", {"clientid": "c1", "topic": "test", "qos": 0}),
        (
            "POST",
            "/mqtt/publish",
            {"topics": "test", "clientid": "c1", "payload": "x", "encoding": "plain", "qos": 0},
        ),
        ("POST", "/mqtt/unsubscribe", {"clientid": "c1", "topic": "test"}),
        ("POST", "/banned", {"who": "someone", "as": "clientid", "reason": "test"}),
        ("DELETE", "/banned/clientid/someone", None),
        ("GET", "/telemetry/status", None),
        ("PUT", "/telemetry/status", {"enabled": False}),
        ("POST", "/data/export", None),
        ("GET", "/data/export", None),
    ],
)
def test_a_library_for_4_x_asks_with_bodies_and_reads_the_code(
    api: Any, method: str, path: str, body: object
) -> None:
    assert api.ask(method, "/api/v4" + path, json=body).json["code"] == 0


MEMBERS = {
    "/brokers": ("text node version sysdescr uptime datetime otp_release node_status",),
    "/nodes": (
        "text node node_status otp_release uptime version load1 load5 load15 memory_total memory_used",
        "number connections max_fds process_available process_used",
    ),
    "/clients": (
        "text node clientid username proto_name ip_address connected_at created_at zone mountpoint",
        "number proto_ver port keepalive expiry_interval subscriptions_cnt max_subscriptions",
        "number inflight max_inflight mqueue_len max_mqueue mqueue_dropped awaiting_rel max_awaiting_rel",
        "number recv_oct recv_cnt recv_pkt recv_msg send_oct send_cnt send_pkt send_msg",
        "number mailbox_len heap_size reductions",
        "truth is_bridge connected clean_start",
    ),
    "/subscriptions": ("text node clientid topic", "number qos"),
    "/routes": ("text node topic",),
    "/actions": (
        "text name app category for",
        "list types",
        "object title description params",
    ),
    "/resource_types": ("text name provider", "object title description params"),
    "/resources": ("text id type description", "object config", "truth status"),
    "/rules": (
        "text id rawsql description on_action_failed",
        "list for actions metrics",
        "truth enabled",
    ),
    "/banned": ("text who as by reason", "number at until"),
    "/data/export": ("text filename created_at", "number size"),
}
KINDS: dict[str, Any] = {
    "text": str,
    "number": (int, float),
    "truth": bool,
    "list": list,
    "object": dict,
}


@pytest.mark.parametrize("path", MEMBERS)
def test_libraries_of_typed_languages_can_read_every_row(api: Any, path: str) -> None:
    """Two in Java decode into classes, exporters in Go into structs: one wrong type, and nothing is read."""
    with_a_row_of_each(api)
    rows = api.ask("GET", "/api/v4" + path).json["data"]
    assert rows
    for row in rows:
        for kind, *names in (words.split() for words in MEMBERS[path]):
            assert {name for name in names if not isinstance(row[name], KINDS[kind])} == set()
            assert kind == "truth" or not any(isinstance(row[name], bool) for name in names)


def with_a_row_of_each(api: Any) -> None:
    statement = {"rawsql": 'SELECT * FROM "t/#"', "actions": [{"name": "do_nothing", "params": {}}]}
    hook = {"type": "web_hook", "config": {"url": "http://127.0.0.1:9/"}}
    for path, body in (
        ("/rules", statement),
        ("/resources", hook),
        ("/banned", {"who": "x", "as": "clientid", "reason": "", "by": "me"}),
        ("/data/export", None),
    ):
        assert api.post(path, body)["code"] == 0


def test_the_exporter_for_prometheus_of_emqx_s_makers_reads_loads_and_uptime(api: Any) -> None:
    """It takes the uptime apart: numbers and units, by commas and blanks."""
    (node,) = api.get("/nodes")["data"]
    assert all(float(node[load]) >= 0 for load in ("load1", "load5", "load15"))
    unit = re.compile(r"\d+ (days|hours|minutes|seconds)")
    assert all(unit.fullmatch(part) for part in node["uptime"].split(", "))
    with_a_row_of_each(api)
    (rule,) = api.get("/rules")["data"]
    for metrics, names in (
        (rule["metrics"], "matched passed failed exception no_result speed speed_max speed_last5m"),
        (rule["actions"][0]["metrics"], "taken success failed"),
    ):
        assert metrics[0]["node"] == NODE
        assert all(metrics[0][name] == 0 for name in names.split())


def test_an_operator_of_kubernetes_finds_ports_and_loads_plugins(api: Any) -> None:
    """It makes a service of the listeners' ports, whether an address stands before them or not."""
    (listening,) = api.get("/listeners")["data"]
    assert all(int(one["listen_on"].rpartition(":")[2]) > 0 for one in listening["listeners"])
    assert all(":" in one["protocol"] for one in listening["listeners"])
    (of_node,) = api.get("/plugins")["data"]
    assert {"name", "active"} <= of_node["plugins"][0].keys()
    for change in ("reload", "unload", "load"):
        answer = api.ask("PUT", f"/api/v4/nodes/{NODE}/plugins/emqx_auth_mnesia/{change}")
        assert answer.status_code == 200


def test_a_starter_for_spring_registers_devices_with_their_rules(api: Any) -> None:
    """It takes only `code` 0 for success, and sends topics as one segment of the path."""
    api.put(f"/nodes/{NODE}/plugins/emqx_auth_mnesia/load")
    login = {"username": "device", "password": "test"}
    assert api.post("/auth_username", login) == {"code": 0}
    assert "code" not in api.post("/auth_username", login)
    rules = [
        {"username": "device", "topic": topic, "action": "sub", "access": "allow"}
        for topic in ("site/#", "other")
    ]
    assert api.post("/acl", rules)["code"] == 0
    kept = api.get("/acl/username/device")
    assert {one["topic"] for one in kept["data"]} == {"site/#", "other"}
    for topic in ("site%2F%23", "other"):
        assert api.delete(f"/acl/username/device/topic/{topic}") == {"code": 0}
    assert api.get("/acl/username/device") == {"code": 0, "data": []}
    for _ in range(2):
        assert api.delete("/auth_username/device") == {"code": 0}


SEEN_BY_DASHBOARD = (
    "/",
    "/nodes",
    "/stats",
    f"/brokers/{NODE}",
    f"/nodes/{NODE}/metrics",
    f"/nodes/{NODE}/listeners",
    f"/nodes/{NODE}/plugins",
    f"/nodes/{NODE}/modules",
    f"/nodes/{NODE}/subscriptions/c1",
    "/clients?_page=1&_limit=20&_like_clientid=c&conn_state=connected&_gte_connected_at=1",
    f"/nodes/{NODE}/clients?_page=1&_limit=20",
    "/clients/c1",
    "/subscriptions?_page=1&_limit=20&_match_topic=a%2F%23",
    "/routes?_page=1&_limit=20",
    "/alarms/activated",
    "/alarms/deactivated",
    "/actions",
    "/resource_types",
    "/resources",
    "/rules",
    "/rule_events",
    "/apps",
    "/apps/admin",
)


@pytest.mark.parametrize("path", SEEN_BY_DASHBOARD)
def test_the_pages_of_emqx_s_own_dashboard_are_answered(api: Any, path: str) -> None:
    """Whatever has another `code` than 0 is an error to it; `meta` makes a list of pages."""
    answer = api.ask("GET", "/api/v4" + path, headers={"Cache-Control": "no-cache"}).json
    assert answer["code"] == 0
    assert ("meta" in answer) == ("_page" in path or path == "/rules")
