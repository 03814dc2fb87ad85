"""The history over the fourth generation."""

from __future__ import annotations

from typing import Any

from app.clock import FakeClock
from app.services.history import NAMES
from tests.harness.fake_nodes import NODE


def test_all_series_of_the_last_hour_are_shown_unless_others_are_asked_for(
    api: Any, clock: FakeClock
) -> None:
    clock.advance(10)
    api.services.history.sample()
    data = api.get("/history")["data"]
    assert (data["node"], data["span"], data["period"]) == (NODE, "1h", 10)
    assert len(data["at"]) == 1
    assert sorted(data["values"]) == sorted(NAMES)
    data = api.get("/history?span=30d&names=cpu,connections")["data"]
    assert (data["period"], sorted(data["values"])) == (1_800, ["connections", "cpu"])


def test_what_is_not_kept_is_a_bad_parameter(api: Any) -> None:
    assert api.get("/history?span=1y")["code"] == 108
    assert api.get("/history?names=weather")["code"] == 108
    assert api.get("/history?span")["code"] == 108


def test_a_node_that_there_is_not_is_refused_as_elsewhere(api: Any) -> None:
    asked = api.ask("GET", "/api/v4/history?node=nobody@h")
    known = api.ask("GET", "/api/v4/nodes/nobody@h/metrics")
    assert (asked.status_code, asked.data) == (known.status_code, known.data)
