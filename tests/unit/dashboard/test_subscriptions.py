"""The list of subscriptions."""

from __future__ import annotations

import pytest

from app.broker.records import SubscriptionRecord
from tests.harness.fake_nodes import NODE


@pytest.fixture
def listed(browser):
    browser.log_in("viewer")
    browser.node.subscription_records += [
        SubscriptionRecord(NODE, "press-07", "site/+/value", 1),
        SubscriptionRecord(NODE, "billing", "$share/bills/site/1/value", 2, "bills"),
    ]
    return browser


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"press-07", "billing"}),
        ("clientid=billing", {"billing"}),
        ("topic=site/%2B/value", {"press-07"}),
        ("match=site/%23", {"press-07", "billing"}),
        ("share=bills", {"billing"}),
        ("qos=1", {"press-07"}),
    ],
)
def test_filters_narrow_the_list_down(listed, query, found):
    page = listed.get(f"/subscriptions?{query}").text
    assert {name for name in ("press-07", "billing") if f">{name}<" in page} == found


def test_a_viewer_ends_no_subscription(listed):
    assert "/clients/unsubscribe" not in listed.get("/subscriptions").text


def test_an_operator_may(browser):
    browser.log_in("operator")
    browser.node.subscription_records.append(SubscriptionRecord(NODE, "a", "t", 0))
    assert "/clients/unsubscribe" in browser.get("/subscriptions").text
