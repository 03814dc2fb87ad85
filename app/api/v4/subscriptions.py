"""Subscriptions in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import page, rows
from app.broker.records import SubscriptionRecord
from app.services import Services


def subscription_row(subscription: SubscriptionRecord) -> dict[str, object]:
    """Return one subscription as the API shows it; runs on the loop (seed 004, GET /api/v4/subscriptions)."""
    return {
        "node": subscription.node,
        "clientid": subscription.clientid,
        "topic": subscription.topic,
        "qos": subscription.qos,
    }


def list_subscriptions(services: Services, call: Call) -> Answer:
    """List the subscriptions of the cluster."""
    asked = call.page()
    return page(services.subscriptions.list(call.params, asked, subscription_row), asked)


def list_node_subscriptions(services: Services, call: Call, node: str) -> Answer:
    """List the subscriptions of one node."""
    asked = call.page()
    return page(services.subscriptions.list_on(node, call.params, asked, subscription_row), asked)


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
        "v4:GET /subscriptions",
        "list_subscriptions",
        "GET",
        "/subscriptions/",
        list_subscriptions,
        "A list of subscriptions in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/subscriptions",
        "list_node_subscriptions",
        "GET",
        "/nodes/:node/subscriptions/",
        list_node_subscriptions,
        "A list of subscriptions on a node",
    ),
    Endpoint(
        "v4:GET /subscriptions/{clientid}",
        "lookup_client_subscriptions",
        "GET",
        "/subscriptions/:clientid",
        lookup_client_subscriptions,
        "A list of subscriptions of a client",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/subscriptions/{clientid}",
        "lookup_client_subscriptions_with_node",
        "GET",
        "/nodes/:node/subscriptions/:clientid",
        lookup_client_subscriptions_with_node,
        "A list of subscriptions of a client on the node",
    ),
)
