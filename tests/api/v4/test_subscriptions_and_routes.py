"""The subscription and route calls of the fourth generation."""

from __future__ import annotations

import pytest

from app.node.proxy import SubscriptionQuery
from tests.harness.fake_nodes import NODE

SHARED = {"node": NODE, "clientid": "c1", "topic": "$share/g/a/+", "qos": 0}


def test_a_shared_subscription_shows_its_group_in_the_topic(api):
    assert SHARED in api.get("/subscriptions")["data"]
    assert SHARED in api.get(f"/nodes/{NODE}/subscriptions/c1")["data"]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("clientid=c1", SubscriptionQuery(clientid="c1")),
        ("topic=a%2Fb", SubscriptionQuery(topic="a/b")),
        ("topic=a%252Fb", SubscriptionQuery(topic="a/b")),
        ("share=g&qos=1", SubscriptionQuery(share="g", qos=1)),
        ("_match_topic=a/%23", SubscriptionQuery(match_topic="a/#")),
        ("topic=a&_match_topic=b", SubscriptionQuery(topic="a")),
    ],
)
def test_filters_reach_the_node(api, query, asked):
    for path in ("/subscriptions", f"/nodes/{NODE}/subscriptions"):
        api.get(f"{path}?{query}")
        assert api.node.commands[-1][:2] == ("subscriptions", asked)


@pytest.mark.parametrize("query", ["qos=high", "_match_topic=a%23", "_match_topic="])
def test_a_filter_that_cannot_be_read_is_code_108(api, query):
    assert api.get(f"/subscriptions?{query}")["code"] == 108


def test_subscriptions_tell_whether_there_is_more_and_routes_do_not(api):
    assert api.get("/subscriptions?_limit=1")["meta"]["hasnext"] is True
    assert api.get("/routes?_limit=1")["meta"] == {"page": 1, "limit": 1, "count": 2}


def test_a_client_without_subscriptions_has_an_empty_array(api):
    assert api.get("/subscriptions/nobody") == {"data": [], "code": 0}


@pytest.mark.parametrize("path", ["/routes/a%2fb%2fc", "/routes/a%2Fb%2Fc/", "//routes//a%2fb%2Fc"])
def test_a_topic_in_a_path_has_its_slashes_encoded(api, path):
    assert api.get(path)["data"] == [{"topic": "a/b/c", "node": NODE}]


def test_a_plus_in_a_path_is_a_plus(api):
    assert api.get("/routes/a%2F+")["data"] == [{"topic": "a/+", "node": NODE}]
    api.get("/routes/x%2F%23")
    assert api.node.commands[-1] == ("route", "x/#")


def test_a_topic_with_raw_slashes_is_another_path(api):
    assert api.ask("GET", "/api/v4/routes/a/b/c").status_code == 404
