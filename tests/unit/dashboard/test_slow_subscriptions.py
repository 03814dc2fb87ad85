"""The ranking of slow subscriptions."""

from __future__ import annotations

import pytest

from app.broker.slow_subs import SlowSubscription
from app.dashboard.views.slow_subscriptions import MODULE


def test_while_the_module_is_off_one_button_switches_it_on(browser):
    browser.log_in("operator")
    assert "Switch it on" in browser.get("/slow_subscriptions").text
    assert browser.post("/slow_subscriptions/switch_on").status_code == 303
    assert MODULE in browser.services.modules.active


def test_a_viewer_is_told_who_can(browser):
    browser.log_in("viewer")
    page = browser.get("/slow_subscriptions").text
    assert "Switch it on" not in page
    assert "An operator can" in page


@pytest.fixture
def ranking(browser, monkeypatch):
    browser.log_in("operator")
    browser.services.modules.active.add(MODULE)
    rows = [SlowSubscription("press-07", "site/a", 900, 1_700_000_000_000)]
    slow = browser.services.observers.slow_subscriptions
    monkeypatch.setattr(slow, "list", rows.copy)
    monkeypatch.setattr(slow, "clear", rows.clear)
    return rows


def test_the_ranking_is_shown_and_cleared(browser, ranking):
    page = browser.get("/slow_subscriptions").text
    assert "900 ms" in page
    assert "clientid=press-07" in page
    assert browser.post("/slow_subscriptions/clear").status_code == 303
    assert "Nobody is slow." in browser.get("/slow_subscriptions").text
