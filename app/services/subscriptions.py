"""Subscriptions: who listens to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.node.proxy import Nodes, PageRequest, RowsPage, SubscriptionQuery, SubscriptionRow
from app.services.nodes import joined, node_called, page_over
from app.services.query import Filter, not_convertible, read_filters, to_integer, to_text


def _decoded_again(value: object) -> str:
    # 4.4 decodes this one parameter a second time, and clients have come to encode it twice.
    return unquote(to_text(value))


def _topic_filter(value: object) -> str:
    try:
        validate_topic_filter(text := to_text(value))
    except InvalidTopic as error:
        raise not_convertible(value, "topic") from error
    return text


# Seed 004, GET /api/v4/subscriptions; types as in 4.4, SUBS_QS_SCHEMA.
FILTERS: tuple[Filter, ...] = (
    Filter("clientid", "clientid", to_text),
    Filter("topic", "topic", _decoded_again),
    Filter("share", "share", to_text),
    Filter("qos", "qos", to_integer),
    Filter("_match_topic", "match_topic", _topic_filter, unless="topic"),
)


def subscription_query(params: Mapping[str, object]) -> SubscriptionQuery:
    """Return the filters that the parameters ask for.

    Raises:
        ServiceError: A value cannot be read (108).
    """
    fields: dict[str, Any] = read_filters(FILTERS, params)
    return SubscriptionQuery(**fields)


class SubscriptionsService:
    """The subscriptions of the cluster. Rows come back encoded, as JSON objects joined by commas."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask these nodes."""
        self._nodes = nodes

    def list(
        self, params: Mapping[str, object], page: PageRequest, row: SubscriptionRow
    ) -> RowsPage:
        """Return a page of the subscriptions of all nodes that pass the filters in `params`."""
        query = subscription_query(params)
        return page_over(self._nodes, page, lambda node, part: node.subscriptions(query, part, row))

    def list_on(
        self, node: str, params: Mapping[str, object], page: PageRequest, row: SubscriptionRow
    ) -> RowsPage:
        """Return a page of the subscriptions of one node that pass the filters in `params`."""
        return node_called(self._nodes, node).subscriptions(subscription_query(params), page, row)

    def of_client(self, clientid: str, row: SubscriptionRow) -> bytes:
        """Return the subscriptions of one client."""
        return joined(node.subscriptions_of(clientid, row) for node in self._nodes.all())

    def of_client_on(self, node: str, clientid: str, row: SubscriptionRow) -> bytes:
        """Return the subscriptions of one client on one node."""
        return node_called(self._nodes, node).subscriptions_of(clientid, row)
