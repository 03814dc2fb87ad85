"""Topic metrics: which topics are counted, and what the charts draw."""

from __future__ import annotations

import pytest

from app.broker.topic_metrics import NAMES, TopicRates
from app.dashboard.views.topic_metrics import MODULE


@pytest.fixture
def counted(browser, monkeypatch):
    browser.log_in("operator")
    browser.services.modules.active.add(MODULE)
    row = {f"{name}.{kind}": 3 for name in NAMES for kind in ("count", "rate")}
    topics = {"site/press": row}
    service = browser.services.observers.topic_metrics
    monkeypatch.setattr(service, "list", lambda: topics)
    monkeypatch.setattr(
        service, "past_rates", lambda _topic: TopicRates(1_700_000_010_000, [1, 2], [3, 4], [0, 0])
    )
    monkeypatch.setattr(service, "register", lambda params: topics.update({params["topic"]: row}))
    monkeypatch.setattr(service, "unregister", topics.pop)
    return browser


def test_topics_are_listed_with_counts_and_rates(counted):
    page = counted.get("/topic_metrics").text
    assert "site/press" in page
    assert "3.0/s" in page
    assert 'data-island="chart"' in page


def test_a_chart_gets_the_past_rates(counted):
    answer = counted.get("/topic_metrics/series?topic=site/press").json
    assert answer["at_s"] == [1_700_000_005, 1_700_000_010]
    assert [one["values"] for one in answer["series"]] == [[1, 2], [3, 4], [0, 0]]


def test_topics_are_registered_and_removed(counted):
    counted.get("/topic_metrics")
    assert counted.post("/topic_metrics/register", {"topic": "b"}).status_code == 303
    assert counted.post("/topic_metrics/unregister", {"topic": "site/press"}).status_code == 303
    page = counted.get("/topic_metrics").text
    assert ">b<" in page
    assert "site/press<" not in page.split("topic-metrics", 1)[1]


def test_the_module_is_switched_on_by_a_button(browser):
    browser.log_in("operator")
    assert "Switch it on" in browser.get("/topic_metrics").text
    browser.post("/topic_metrics/switch_on")
    assert MODULE in browser.services.modules.active
