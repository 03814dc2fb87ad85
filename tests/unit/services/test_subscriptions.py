"""Filters on subscriptions."""

from __future__ import annotations

import pytest

from app.errors import ServiceError
from app.node.proxy import SubscriptionQuery
from app.services.subscriptions import FILTERS, subscription_query


def test_every_filter_has_its_parameter():
    assert sorted(SubscriptionQuery.__dataclass_fields__) == sorted(row.field for row in FILTERS)


def test_the_topic_is_decoded_once_more():
    assert subscription_query({"topic": "a%2Fb"}) == SubscriptionQuery(topic="a/b")


def test_the_filter_to_match_with_must_be_one():
    assert subscription_query({"_match_topic": "a/#"}) == SubscriptionQuery(match_topic="a/#")
    with pytest.raises(ServiceError, match="to topic type"):
        subscription_query({"_match_topic": "#/a"})
