"""What a node counts, for Prometheus."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.config import ManagementSettings

DASHBOARD = {"base_url": "http://localhost:18083"}


def families(answer):
    assert answer.status_code == 200
    return {one.name: one for one in text_string_to_metric_families(answer.text)}


@pytest.mark.parametrize("path", ["/metrics", "/api/v4/emqx_prometheus?type=prometheus"])
@pytest.mark.parametrize("port", [{}, DASHBOARD])
def test_a_scraper_reads_everything_without_a_login(api, path, port):
    api.node.metric_values["messages.qos0.sent"] = 7
    api.node.metric_values["packets.connect.received"] = 9
    api.node.stat_values["connections.count"] = 3
    answer = api.ask("GET", path, auth=None, **port)
    assert answer.mimetype == "text/plain"
    found = families(answer)
    assert found["emqx_messages_qos0_sent"].type == "counter"
    values = {name: one.samples[0].value for name, one in found.items()}
    assert values["emqx_messages_qos0_sent"] == 7
    assert values["emqx_packets_connect"] == 9
    assert values["emqx_connections_count"] == 3
    assert values["emqx_vm_total_memory"] == 124_014_428
    assert 0 <= values["emqx_vm_cpu_use"] <= 100
    counted = len(api.node.metric_values) + len(api.node.stat_values)
    assert values["emqx_vm_process_messages_in_queues"] == 0
    assert len(values) == counted + 6


def test_json_has_emqxs_groups(api):
    api.node.metric_values["session.created"] = 4
    data = api.get("/emqx_prometheus", auth=None)["data"]
    assert set(data) == {
        "stats",
        "metrics",
        "packets",
        "messages",
        "delivery",
        "client",
        "session",
    }
    assert data["session"]["emqx_session_created"] == 4
    assert data["packets"]["emqx_bytes_received"] == 0
    assert api.get("/emqx_prometheus?type=json", auth=None)["data"].keys() == data.keys()


def test_another_type_is_refused(api):
    assert api.get("/emqx_prometheus?type=xml", auth=None)["code"] == 108


@pytest.mark.parametrize("management", [ManagementSettings(metrics_need_login=True)])
@pytest.mark.parametrize("path", ["/metrics", "/api/v4/emqx_prometheus"])
def test_an_operator_may_want_a_login(api, path):
    assert api.ask("GET", path, auth=None).status_code == 401
    assert api.ask("GET", path).status_code == 200


def test_the_counters_of_the_api_are_not_mistaken_for_it(api):
    assert api.ask("GET", "/api/v4/metrics", auth=None).status_code == 401
