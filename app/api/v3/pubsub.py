"""Publishing and subscribing in the words of the third generation.

Its calls are the fourth's under older names: `client_id`, and no encodings, properties or message ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v3.dialect import OK, success
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.pubsub import ItemResult

WORDS = {
    "client_id": "clientid",
    "topic": "topic",
    "topics": "topics",
    "payload": "payload",
    "qos": "qos",
    "retain": "retain",
}
"""What a request may say, and how the services call it; whatever else is said is not heard."""


def mqtt_publish(services: Services, call: Call) -> Answer:
    """Publish a message to one topic or more."""
    services.pubsub.publish(_heard(call.params))
    return OK


def mqtt_subscribe(services: Services, call: Call) -> Answer:
    """Subscribe a client."""
    return _told(services.pubsub.subscribe, call)


def mqtt_unsubscribe(services: Services, call: Call) -> Answer:
    """Unsubscribe a client."""
    return _told(services.pubsub.unsubscribe, call)


def mqtt_publish_batch(services: Services, call: Call) -> Answer:
    """Publish a list of messages."""
    return _told_each(services.pubsub.publish_batch, call)


def mqtt_subscribe_batch(services: Services, call: Call) -> Answer:
    """Subscribe clients from a list."""
    return _told_each(services.pubsub.subscribe_batch, call)


def mqtt_unsubscribe_batch(services: Services, call: Call) -> Answer:
    """Unsubscribe clients from a list."""
    return _told_each(services.pubsub.unsubscribe_batch, call)


def _heard(params: Mapping[str, object]) -> dict[str, object]:
    return {ours: params[theirs] for theirs, ours in WORDS.items() if theirs in params}


def _told(act: Callable[[Mapping[str, object]], None], call: Call) -> Answer:
    try:
        act(_heard(call.params))
    except ServiceError as error:
        if error.code is not ResultCode.CLIENT_NOT_ONLINE:
            raise
        raise ServiceError(error.code, "session_not_found") from error
    return OK


def _told_each(act: Callable[[object], Iterable[ItemResult]], call: Call) -> Answer:
    body = call.body
    if not isinstance(body, list):
        raise ServiceError(ResultCode.BAD_PARAMETER)
    results = act([_heard(item) if isinstance(item, dict) else item for item in body])
    return success(list(_item_rows(body, results)))


def _item_rows(items: list[object], results: Iterable[ItemResult]) -> Iterator[dict[str, object]]:
    """Yield what became of each item; its topics are called as the request called them (EMQ X 3.2)."""
    for item, result in zip(items, results, strict=True):
        if result.malformed or not isinstance(item, dict):
            yield {"code": int(result.code), "message": result.code.text}
            continue
        key = "topic" if "topic" in item else "topics"
        row: dict[str, object] = {key: result.topic, "code": int(result.code)}
        yield row if result.clientid is None else {"client_id": result.clientid, **row}


ENDPOINTS = (
    Endpoint(
        "v3:POST /mqtt/subscribe",
        "mqtt_subscribe",
        "POST",
        "/mqtt/subscribe",
        mqtt_subscribe,
        "Subscribe a topic",
    ),
    Endpoint(
        "v3:POST /mqtt/publish",
        "mqtt_publish",
        "POST",
        "/mqtt/publish",
        mqtt_publish,
        "Publish a MQTT message",
    ),
    Endpoint(
        "v3:POST /mqtt/unsubscribe",
        "mqtt_unsubscribe",
        "POST",
        "/mqtt/unsubscribe",
        mqtt_unsubscribe,
        "Unsubscribe a topic",
    ),
    Endpoint(
        "v3:POST /mqtt/subscribe_batch",
        "mqtt_subscribe_batch",
        "POST",
        "/mqtt/subscribe_batch",
        mqtt_subscribe_batch,
        "Batch subscribes topics",
    ),
    Endpoint(
        "v3:POST /mqtt/publish_batch",
        "mqtt_publish_batch",
        "POST",
        "/mqtt/publish_batch",
        mqtt_publish_batch,
        "Batch publish MQTT messages",
    ),
    Endpoint(
        "v3:POST /mqtt/unsubscribe_batch",
        "mqtt_unsubscribe_batch",
        "POST",
        "/mqtt/unsubscribe_batch",
        mqtt_unsubscribe_batch,
        "Batch unsubscribes topics",
    ),
)
