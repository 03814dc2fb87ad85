"""Topic metrics in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.services import Services


def list_all_topic_metrics(services: Services, _call: Call) -> Answer:
    """Show what was counted on every registered topic."""
    counted = services.observers.topic_metrics.list()
    return success([{"topic": topic, "metrics": counts} for topic, counts in counted.items()])


def list_topic_metrics(services: Services, _call: Call, topic: str) -> Answer:
    """Show what was counted on one topic; nothing where it is not registered."""
    return success(services.observers.topic_metrics.get(topic))


def register_topic_metrics(services: Services, call: Call) -> Answer:
    """Count a topic from now on."""
    services.observers.topic_metrics.register(call.params)
    return OK


def unregister_topic_metrics(services: Services, _call: Call, topic: str) -> Answer:
    """Count a topic no more."""
    services.observers.topic_metrics.unregister(topic)
    return OK


def unregister_all_topic_metrics(services: Services, _call: Call) -> Answer:
    """Count no topic any more."""
    services.observers.topic_metrics.unregister_all()
    return OK


ENDPOINTS = (
    Endpoint(
        "v4:GET /topic-metrics",
        "list_all_topic_metrics",
        "GET",
        "/topic-metrics",
        list_all_topic_metrics,
        "A list of all topic metrics of all nodes in the cluster",
    ),
    Endpoint(
        "v4:GET /topic-metrics/{topic}",
        "list_topic_metrics",
        "GET",
        "/topic-metrics/:topic",
        list_topic_metrics,
        "A list of specfied topic metrics of all nodes in the cluster",
    ),
    Endpoint(
        "v4:POST /topic-metrics",
        "register_topic_metrics",
        "POST",
        "/topic-metrics",
        register_topic_metrics,
        "Register topic metrics",
    ),
    Endpoint(
        "v4:DELETE /topic-metrics/{topic}",
        "unregister_topic_metrics",
        "DELETE",
        "/topic-metrics/:topic",
        unregister_topic_metrics,
        "Unregister topic metrics",
    ),
    Endpoint(
        "v4:DELETE /topic-metrics",
        "unregister_all_topic_metrics",
        "DELETE",
        "/topic-metrics",
        unregister_all_topic_metrics,
        "Unregister all topic metrics",
    ),
)
