"""Requests that other people's programs make, and what these programs do with the answers.

The programs themselves were run against a node (docs/compatibility.md, "Judged by others' clients"); what is kept here
is what each asks for and what it would stumble over.
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
