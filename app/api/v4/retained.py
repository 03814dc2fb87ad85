"""Retained messages, what they say included: an addition to the fourth generation, in the words of EMQX 5."""

from __future__ import annotations

from base64 import b64encode

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED
from app.api.v4.dialect import page, success
from app.errors import ResultCode, ServiceError
from app.node.retained_pages import ALL
from app.services import Services
from app.services.retainer import RetainedRecord


def retained_row(one: RetainedRecord) -> dict[str, object]:
    """Return one message of a list, whose payload may be large and is not in it; runs on the loop."""
    return {
        "id": one.id,
        "topic": one.topic,
        "qos": one.qos,
        "payload_size": len(one.payload),
        "clientid": UNDEFINED if one.clientid is None else one.clientid,
        "username": UNDEFINED if one.username is None else one.username,
        "published_at": one.published_at_ms,
    }


def list_retained(services: Services, call: Call) -> Answer:
    """List the messages whose topics match the filter `topic`; new messages of a topic leave it in its place."""
    asked = call.page()
    wanted = call.params.get("topic", ALL)
    if not isinstance(wanted, str):
        raise ServiceError(ResultCode.BAD_TOPIC)
    return page(services.operation.retainer.page(wanted, asked, retained_row), asked)


def show_retained(services: Services, _call: Call, topic: str) -> Answer:
    """Show the message of a topic; its payload in Base64."""
    one = services.operation.retainer.get(topic)
    return success({**retained_row(one), "payload": b64encode(one.payload).decode("ascii")})


ENDPOINTS = (
    Endpoint(
        "v4:GET /retainer/messages",
        "list_retained",
        "GET",
        "/retainer/messages",
        list_retained,
        "List the retained messages",
    ),
    Endpoint(
        "v4:GET /retainer/message/{topic}",
        "get_retained",
        "GET",
        "/retainer/message/:topic",
        show_retained,
        "Show the retained message of a topic",
        raw_tail=True,
    ),
)
