"""What nodes say of themselves in the fourth generation."""

from __future__ import annotations

from tests.harness.fake_nodes import NODE, a_listener


def test_brokers_tell_their_age_in_words(api):
    assert api.get("/brokers")["data"][0]["uptime"] == "4 hours, 21 minutes, 19 seconds"
    assert api.get(f"/brokers/{NODE}")["data"]["uptime"] == "4 hours, 21 minutes, 19 seconds"


def test_memory_is_text_in_the_list_and_a_number_for_one_node(api):
    (row,) = api.get("/nodes")["data"]
    assert (row["memory_total"], row["memory_used"]) == ("118.27M", "96.75M")
    single = api.get(f"/nodes/{NODE}")["data"]
    assert (single["memory_total"], single["memory_used"]) == (124_014_428, 101_449_728)


def test_loads_are_text_with_two_decimals(api):
    (row,) = api.get("/nodes")["data"]
    assert (row["load1"], row["load5"], row["load15"]) == ("2.31", "2.60", "2.65")


def test_connections_are_counted_with_and_without_the_sessions_that_sleep(api):
    (row,) = api.get("/nodes")["data"]
    assert (row["connections"], row["live_connections"]) == (2, 1)


def test_metrics_and_stats_are_the_node_s_own(api):
    api.node.metric_values["bytes.sent"] = 7
    api.node.stat_values["channels.count"] = 2
    assert api.get("/metrics")["data"][0]["metrics"]["bytes.sent"] == 7
    assert api.get(f"/nodes/{NODE}/metrics")["data"]["bytes.sent"] == 7
    assert api.get("/stats")["data"][0]["stats"]["channels.count"] == 2
    assert api.get(f"/nodes/{NODE}/stats")["data"]["channels.count"] == 2


def test_a_listener_without_an_identifier_does_not_show_one(api):
    api.node.listener_records = [
        a_listener(),
        a_listener(protocol="http:management", identifier=None, shutdown_count={"kicked": 1}),
    ]
    mqtt, http = api.get(f"/nodes/{NODE}/listeners")["data"]
    assert (mqtt["identifier"], mqtt["shutdown_count"]) == ("mqtt:tcp:external", [])
    assert ("identifier" in http, http["shutdown_count"]) == (False, {"kicked": 1})
