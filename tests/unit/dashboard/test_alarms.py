"""Alarms that are active, and those that were."""

from __future__ import annotations

import pytest

from app.broker.alarms import AlarmRecord
from tests.harness.fake_nodes import NODE

HTMX = {"HX-Request": "true"}


@pytest.fixture
def seen(browser):
    browser.log_in("operator")
    began_us = 1_700_000_000_000_000
    browser.node.alarm_records += [
        AlarmRecord("high_memory", "Memory is nearly full", began_us, {"usage": 93}),
        AlarmRecord("old_trouble", "It was bad", began_us, {}, began_us + 90_000_000),
    ]
    return browser


def test_both_are_shown(seen):
    page = seen.get("/alarms").text
    assert "usage: 93" in page
    assert "1 min 30 s" in page


def test_the_history_is_searched(seen):
    assert "old_trouble" in seen.get("/alarms?name=old").text
    assert "old_trouble" not in seen.get("/alarms?name=new").text


def test_an_alarm_is_ended(seen):
    seen.get("/alarms")
    answer = seen.post("/alarms/deactivate", {"node": NODE, "name": "high_memory"}, headers=HTMX)
    assert answer.status_code == 204
    assert ("deactivate_alarm", "high_memory") in seen.node.commands


def test_the_history_is_forgotten(seen):
    seen.get("/alarms")
    assert seen.post("/alarms/clear", headers=HTMX).status_code == 204
    assert ("delete_deactivated_alarms",) in seen.node.commands
