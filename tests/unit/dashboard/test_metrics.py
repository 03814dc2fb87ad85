"""All counters and gauges of a node."""

from __future__ import annotations

import pytest


@pytest.fixture
def looking(browser):
    browser.node.metric_values |= {"messages.received": 4_000_000_000, "loop.read_slices": 3}
    browser.node.stat_values |= {"retained.count": 2, "retained.max": 7, "shared": 1}
    browser.log_in("viewer")
    return browser


def test_counters_stand_in_groups_and_gauges_beside_their_highest(looking):
    page = looking.get("/metrics").text
    assert "4\u202f000\u202f000\u202f000" in page
    assert "The node itself" in page
    assert ">retained</td>" in page
    assert "retained.max" not in page
    assert ">7</td>" in page


def test_a_part_of_a_name_narrows_them_down(looking):
    page = looking.get(
        "/metrics?name=messages.", headers={"HX-Request": "true", "HX-Target": "metrics-now"}
    ).text
    assert "messages.received" in page
    assert "loop.read_slices" not in page
    assert "Nothing matches." in looking.get("/metrics?name=nothing-of-that-name").text


def test_a_node_that_is_none_is_this_one(looking):
    assert "messages.received" in looking.get("/metrics?node=elsewhere").text
