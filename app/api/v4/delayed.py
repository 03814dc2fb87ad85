"""Delayed messages that wait for their time: an addition to the fourth generation."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import orjson

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, page, success
from app.node.proxy import RowsPage
from app.services import Services
from app.services.delayed import MOST_AT_ONCE, DelayedRecord

UNDEFINED = "undefined"


def delayed_row(one: DelayedRecord) -> dict[str, object]:
    """Return one message as the API shows it; its payload in Base64."""
    return {
        "id": one.id,
        "topic": one.topic,
        "qos": one.qos,
        "retain": one.retain,
        "payload": b64encode(one.payload).decode("ascii"),
        "clientid": UNDEFINED if one.clientid is None else one.clientid,
        "username": UNDEFINED if one.username is None else one.username,
        "published_at": one.published_at_ms,
        "due_at": one.due_at_ms,
    }


def list_delayed(services: Services, call: Call) -> Answer:
    """List the messages that wait, in the order in which they came."""
    asked = call.page()
    asked = replace(asked, limit=min(asked.limit, MOST_AT_ONCE))
    found, total = services.operation.delayed.list(asked)
    rows = b",".join(orjson.dumps(delayed_row(one)) for one in found)
    return page(RowsPage(rows, total, hasnext=False), asked, with_hasnext=False)


def show_delayed(services: Services, _call: Call, msgid: str) -> Answer:
    """Show one message that waits."""
    return success(delayed_row(services.operation.delayed.get(msgid)))


def cancel_delayed(services: Services, _call: Call, msgid: str) -> Answer:
    """Have a message never come."""
    services.operation.delayed.cancel(msgid)
    return OK


ENDPOINTS = tuple(
    Endpoint(
        f"v4:{method} {path.replace(':msgid', '{msgid}')}",
        name,
        method,
        path,
        handler,
        descr,
    )
    for name, method, path, handler, descr in (
        ("list_delayed", "GET", "/delayed", list_delayed, "List the delayed messages that wait"),
        ("get_delayed", "GET", "/delayed/:msgid", show_delayed, "Show a delayed message"),
        (
            "cancel_delayed",
            "DELETE",
            "/delayed/:msgid",
            cancel_delayed,
            "Cancel a delayed message",
        ),
    )
)
