"""The routing table."""

from __future__ import annotations

from app.broker.records import RouteRecord
from tests.harness.fake_nodes import NODE


def test_routes_are_listed_and_one_is_looked_up(browser):
    browser.log_in("viewer")
    browser.node.route_records += [RouteRecord("site/+/value", NODE), RouteRecord("other", NODE)]
    page = browser.get("/topics").text
    assert "site/+/value" in page
    assert "1 to 2 of 2" in page
    assert "other" not in browser.get("/topics?topic=site/%2B/value").text
