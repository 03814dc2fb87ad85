"""Numbers, nodes and alarms of now, and what the charts draw."""

from __future__ import annotations

import pytest

from app.broker.alarms import AlarmRecord
from app.dashboard.views.overview import CHARTS
from app.services.history import COUNTERS, GAUGES


@pytest.fixture
def seen(browser):
    browser.log_in("viewer")
    browser.node.stat_values["sessions.count"] = 12_345
    return browser


def test_it_shows_what_is_there_now(seen):
    page = seen.get("/").text
    assert "12\u202f345" in page
    assert seen.node.name in page
    assert "Active alarms" not in page


def test_active_alarms_stand_first(seen):
    seen.node.alarm_records.append(
        AlarmRecord("high_memory", "Memory is nearly full", 1_700_000_000_000_000)
    )
    page = seen.get("/").text
    assert "Active alarms: 1" in page
    assert page.index("high_memory") < page.index("12\u202f345")


def test_only_what_changes_is_fetched_again(seen):
    fragment = seen.get("/", headers={"HX-Request": "true", "HX-Target": "now"}).text
    assert fragment.lstrip().startswith('<div id="now"')
    assert "chart" not in fragment


def test_all_charts_get_their_times_and_titled_series_at_once(seen):
    answer = seen.get("/overview/series?span=24h").json
    assert answer["at_s"] == []
    titles = {one["name"]: one["title"] for one in answer["series"]}
    assert (titles["connections"], titles["cpu"]) == ("Connections", "Processor")
    drawn = {name for _id, _title, _unit, names in CHARTS for name in names}
    assert drawn <= set(titles)


def test_the_rates_of_now_are_those_that_were_written_last(seen):
    assert '<div class="number-value">50</div>' not in seen.get("/").text
    seen.node.stat_values |= dict.fromkeys(GAUGES.values(), 0)
    seen.node.metric_values |= {name: 0 for of in COUNTERS.values() for name in of}
    seen.clock.advance(10)
    seen.services.history.sample()
    seen.node.metric_values["messages.received"] = 500
    seen.clock.advance(10)
    seen.services.history.sample()
    assert '<div class="number-value">50</div>' in seen.get("/").text


@pytest.mark.parametrize(("span", "every_s"), [("1h", 10), ("24h", 60), ("30d", 600), ("x", 10)])
def test_long_spans_are_fetched_less_often(seen, span, every_s):
    assert f'data-every="{every_s}"' in seen.get(f"/?span={span}").text
