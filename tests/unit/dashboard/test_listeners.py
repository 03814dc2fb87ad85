"""Listeners: what is shown of them, and stopping and starting them."""

from __future__ import annotations

import pytest

from tests.harness.fake_nodes import a_listener

HTMX = {"HX-Request": "true"}


@pytest.fixture
def seen(browser, monkeypatch):
    browser.log_in("operator")
    browser.node.listener_records += [
        a_listener(identifier="mqtt:ssl:external", is_open=False),
        a_listener(identifier=None, protocol="http:management"),
    ]
    ends = {"mqtt:ssl:external": 1_000_000_000_000}
    monkeypatch.setattr(browser.services.insight.certificates, "end_at_ms", lambda: ends)
    return browser


def test_their_state_and_their_certificates_are_shown(seen):
    page = seen.get("/listeners").text
    assert page.count(">listening<") == 2
    assert page.count(">stopped<") == 1
    assert ">expired<" in page


@pytest.mark.parametrize("verb", ["stop", "start", "restart"])
def test_one_is_stopped_started_and_opened_anew(seen, verb):
    seen.get("/listeners")
    form = {"identifier": "mqtt:tcp:external"}
    assert seen.post(f"/listeners/{verb}", form, headers=HTMX).status_code == 204
    assert (f"{verb}_listener", "mqtt:tcp:external") in seen.node.commands


def test_of_none_nothing_is_done(seen):
    seen.get("/listeners")
    assert seen.post("/listeners/stop").status_code == 404
    assert seen.node.commands == []
