"""Publishing and subscribing in the words of the second generation: one topic at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v2.dialect import OK, bad_type, optional, parameter, parameters
from app.errors import ResultCode, ServiceError
from app.node.proxy import PublishCommand, SubscribeCommand
from app.services import Services

DEFAULT_CLIENT_ID = "http"
"""In whose name is published where the caller names nobody (seed 003, POST /api/v2/mqtt/publish)."""


def mqtt_publish(services: Services, call: Call) -> Answer:
    """Publish a message; EMQ 2 demands `payload`, its documents do not, nor do we."""
    params = call.params
    message = PublishCommand(
        topic=parameter(params, "topic", str),
        payload=optional(params, "payload", "").encode(),
        qos=_qos(call),
        retain=optional(params, "retain", False),
        clientid=optional(params, "client_id", DEFAULT_CLIENT_ID),
    )
    with _told_as_emq_does(message.topic):
        services.pubsub.publish_one(message)
    return OK


def mqtt_subscribe(services: Services, call: Call) -> Answer:
    """Subscribe a client."""
    clientid, topic = _who_and_what(call)
    wanted = SubscribeCommand(topic, _qos(call))
    with _told_as_emq_does(topic):
        known = services.pubsub.subscribe_one(clientid, wanted)
    return _done(known, clientid)


def mqtt_unsubscribe(services: Services, call: Call) -> Answer:
    """Unsubscribe a client."""
    clientid, topic = _who_and_what(call)
    with _told_as_emq_does(topic):
        known = services.pubsub.unsubscribe_one(clientid, topic)
    return _done(known, clientid)


def _who_and_what(call: Call) -> tuple[str, str]:
    parameters(call.params, {"client_id": str, "topic": str})
    return parameter(call.params, "client_id", str), parameter(call.params, "topic", str)


def _qos(call: Call) -> int:
    qos = optional(call.params, "qos", 0)
    if not 0 <= qos <= 2:
        raise bad_type()
    return qos


@contextmanager
def _told_as_emq_does(topic: str) -> Iterator[None]:
    try:
        yield
    except ServiceError as error:
        if error.code is not ResultCode.BAD_TOPIC:
            raise
        raise ServiceError(ResultCode.UNKNOWN, f"validate topic: {topic} fail") from error


def _done(known: bool, clientid: str) -> Answer:
    if not known:
        meant = ServiceError(ResultCode.CLIENT_NOT_ONLINE)
        raise ServiceError(ResultCode.UNKNOWN, f"Clientid: {clientid} not found") from meant
    return OK


ENDPOINTS = (
    Endpoint(
        "v2:POST /mqtt/publish",
        "mqtt_publish",
        "POST",
        "mqtt/publish",
        mqtt_publish,
        "Publish a message",
    ),
    Endpoint(
        "v2:POST /mqtt/subscribe",
        "mqtt_subscribe",
        "POST",
        "mqtt/subscribe",
        mqtt_subscribe,
        "Subscribe a client to a topic",
    ),
    Endpoint(
        "v2:POST /mqtt/unsubscribe",
        "mqtt_unsubscribe",
        "POST",
        "mqtt/unsubscribe",
        mqtt_unsubscribe,
        "Unsubscribe a client from a topic",
    ),
)
