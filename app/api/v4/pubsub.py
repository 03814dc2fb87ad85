"""Publishing and subscribing in the words of the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.services import Services
from app.services.pubsub import ItemResult


def item_row(item: ItemResult, *, with_clientid: bool) -> dict[str, object]:
    """Return what became of one item of a batch."""
    if item.malformed:
        return {"code": int(item.code), "message": item.code.text}
    row: dict[str, object] = {"topic": item.topic, "code": int(item.code)}
    return {"clientid": item.clientid, **row} if with_clientid else row


def mqtt_publish(services: Services, call: Call) -> Answer:
    """Publish a message to one topic or more; tell its ids to those who ask."""
    done = services.pubsub.publish(call.params)
    if not done.wanted:
        return OK
    return success({"msgids": done.msgids} if done.several else {"msgid": done.msgids[0]})


def mqtt_subscribe(services: Services, call: Call) -> Answer:
    """Subscribe a client."""
    services.pubsub.subscribe(call.params)
    return OK


def mqtt_unsubscribe(services: Services, call: Call) -> Answer:
    """Unsubscribe a client."""
    services.pubsub.unsubscribe(call.params)
    return OK


def mqtt_publish_batch(services: Services, call: Call) -> Answer:
    """Publish a list of messages."""
    results = services.pubsub.publish_batch(call.body)
    return success([item_row(item, with_clientid=False) for item in results])


def mqtt_subscribe_batch(services: Services, call: Call) -> Answer:
    """Subscribe clients from a list."""
    results = services.pubsub.subscribe_batch(call.body)
    return success([item_row(item, with_clientid=True) for item in results])


def mqtt_unsubscribe_batch(services: Services, call: Call) -> Answer:
    """Unsubscribe clients from a list."""
    results = services.pubsub.unsubscribe_batch(call.body)
    return success([item_row(item, with_clientid=True) for item in results])


ENDPOINTS = (
    Endpoint(
        "v4:POST /mqtt/subscribe",
        "mqtt_subscribe",
        "POST",
        "/mqtt/subscribe",
        mqtt_subscribe,
        "Subscribe a topic",
    ),
    Endpoint(
        "v4:POST /mqtt/publish",
        "mqtt_publish",
        "POST",
        "/mqtt/publish",
        mqtt_publish,
        "Publish a MQTT message",
    ),
    Endpoint(
        "v4:POST /mqtt/unsubscribe",
        "mqtt_unsubscribe",
        "POST",
        "/mqtt/unsubscribe",
        mqtt_unsubscribe,
        "Unsubscribe a topic",
    ),
    Endpoint(
        "v4:POST /mqtt/subscribe_batch",
        "mqtt_subscribe_batch",
        "POST",
        "/mqtt/subscribe_batch",
        mqtt_subscribe_batch,
        "Batch subscribes topics",
    ),
    Endpoint(
        "v4:POST /mqtt/publish_batch",
        "mqtt_publish_batch",
        "POST",
        "/mqtt/publish_batch",
        mqtt_publish_batch,
        "Batch publish MQTT messages",
    ),
    Endpoint(
        "v4:POST /mqtt/unsubscribe_batch",
        "mqtt_unsubscribe_batch",
        "POST",
        "/mqtt/unsubscribe_batch",
        mqtt_unsubscribe_batch,
        "Batch unsubscribes topics",
    ),
)
