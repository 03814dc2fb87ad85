"""Bridges in the page: their state, and what is done to them."""

from __future__ import annotations

import pytest

NAME = "bridge.mqtt.east."


@pytest.fixture
def bridges(browser):
    """Somebody who may act, at a node with a bridge that was not started."""
    browser.services.rule_node.start()
    browser.services.plugins.set_config(
        "emqx_bridge_mqtt",
        {NAME + "address": "127.0.0.1:9", NAME + "forwards": "out/#"},
    )
    browser.log_in("operator")
    browser.get("/bridges")
    return browser


def test_a_bridge_shows_where_it_leads_and_what_it_carries(bridges):
    page = bridges.get("/bridges").text
    assert "127.0.0.1:9" in page
    assert "out/#" in page
    assert "stopped" in page


@pytest.mark.parametrize("what", ["forward", "subscription"])
def test_topics_come_and_go(bridges, what):
    form = {"name": "east", "topic": "more/#", "qos": "1"}
    assert bridges.post(f"/bridges/add_{what}", form).status_code == 303
    assert '"topic">more/#<' in bridges.get("/bridges").text
    assert bridges.post(f"/bridges/del_{what}", form).status_code == 303
    assert '"topic">more/#<' not in bridges.get("/bridges").text


def test_what_is_no_topic_is_refused(bridges):
    answer = bridges.post("/bridges/add_forward", {"name": "east", "topic": "a/#/b"})
    assert answer.status_code == 400


def test_a_bridge_that_there_is_not_is_not_found(bridges):
    assert bridges.post("/bridges/stop", {"name": "west"}).status_code == 404


def test_without_its_plugin_the_page_offers_to_start_it(bridges):
    bridges.services.plugins.unload("emqx_bridge_mqtt")
    page = bridges.get("/bridges").text
    assert "The plugin of bridges does not run." in page
    assert "/plugins/load" in page


def test_who_may_not_act_only_looks(bridges):
    viewer = bridges.another()
    viewer.log_in("viewer")
    assert "/bridges/start" not in viewer.get("/bridges").text
