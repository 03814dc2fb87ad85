"""Subscriptions in the words of the third generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v3.dialect import page, rows
from app.broker.records import SubscriptionRecord
from app.services import Services


def subscription_row(subscription: SubscriptionRecord) -> dict[str, object]:
    """Return one subscription as the API shows it; runs on the loop (seed 002, GET /api/v3/subscriptions)."""
    return {
        "node": subscription.node,
        "client_id": subscription.clientid,
        # EMQ X 3 leaves out `$share/group/`.
        "topic": subscription.inner_topic,
        "qos": subscription.qos,
    }


def list_subscriptions(services: Services, call: Call) -> Answer:
    """List the subscriptions of the cluster."""
    asked = call.page()
    return page(services.subscriptions.list({}, asked, subscription_row), asked)


def list_node_subscriptions(services: Services, call: Call, node: str) -> Answer:
    """List the subscriptions of one node."""
    asked = call.page()
    return page(services.subscriptions.list_on(node, {}, asked, subscription_row), asked)


def lookup_client_subscriptions(services: Services, _call: Call, clientid: str) -> Answer:
    """List the subscriptions of a client."""
    return rows(services.subscriptions.of_client(clientid, subscription_row))


def lookup_client_subscriptions_with_node(
    services: Services, _call: Call, node: str, clientid: str
) -> Answer:
    """List the subscriptions of a client on one node."""
    return rows(services.subscriptions.of_client_on(node, clientid, subscription_row))


ENDPOINTS = (
    Endpoint(
        "v3:GET /subscriptions",
        "list_subscriptions",
        "GET",
        "/subscriptions/",
        list_subscriptions,
        "A list of subscriptions in the cluster",
    ),
    Endpoint(
        "v3:GET /subscriptions/{clientid}",
        "lookup_client_subscriptions",
        "GET",
        "/subscriptions/:clientid",
        lookup_client_subscriptions,
        "A list of subscriptions of a client",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/subscriptions/{clientid}",
        "lookup_client_subscriptions_with_node",
        "GET",
        "/nodes/:node/subscriptions/:clientid",
        lookup_client_subscriptions_with_node,
        "A list of subscriptions of a client on the node",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/subscriptions",
        "list_node_subscriptions",
        "GET",
        "/nodes/:node/subscriptions/",
        list_node_subscriptions,
        "A list of subscriptions on a node",
    ),
)
