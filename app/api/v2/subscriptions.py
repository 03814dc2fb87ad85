"""Subscriptions in the words of the second generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v2.dialect import asked_page, objects, page
from app.broker.records import SubscriptionRecord
from app.services import Services


def subscription_row(subscription: SubscriptionRecord) -> dict[str, object]:
    """Return one subscription as the API shows it; runs on the loop (seed 003, GET /api/v2/subscriptions)."""
    return {
        "client_id": subscription.clientid,
        "topic": subscription.inner_topic,
        "qos": subscription.qos,
    }


def list_node_subscriptions(services: Services, call: Call, node_name: str) -> Answer:
    """List the subscriptions of one node."""
    asked = asked_page(call)
    return page(services.subscriptions.list_on(node_name, {}, asked, subscription_row), asked)


def lookup_node_subscriptions(
    services: Services, _call: Call, node_name: str, clientid: str
) -> Answer:
    """List the subscriptions of a client on one node."""
    return objects(services.subscriptions.of_client_on(node_name, clientid, subscription_row))


def lookup_subscriptions(services: Services, _call: Call, clientid: str) -> Answer:
    """List the subscriptions of a client."""
    return objects(services.subscriptions.of_client(clientid, subscription_row))


ENDPOINTS = (
    Endpoint(
        "v2:GET /nodes/{node_name}/subscriptions",
        "list_node_subscriptions",
        "GET",
        "nodes/:node_name/subscriptions",
        list_node_subscriptions,
        "A list of subscriptions on a node",
    ),
    Endpoint(
        "v2:GET /nodes/{node_name}/subscriptions/{clientid}",
        "lookup_node_subscriptions",
        "GET",
        "nodes/:node_name/subscriptions/:clientid",
        lookup_node_subscriptions,
        "A list of subscriptions of a client on a node",
    ),
    Endpoint(
        "v2:GET /subscriptions/{clientid}",
        "lookup_subscriptions",
        "GET",
        "subscriptions/:clientid",
        lookup_subscriptions,
        "A list of subscriptions of a client",
    ),
)
