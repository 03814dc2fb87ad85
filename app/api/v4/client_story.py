"""One client's last events, and its messages: additions, EMQX 4 has neither."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import success
from app.node.client_messages import ClientMessages, MessageLine, WaitingMessage
from app.services import Services
from app.services.client_story import NodeEvent


def event_row(one: NodeEvent) -> dict[str, object]:
    """Return one event as the list shows it; `at` is in Unix milliseconds."""
    event = one.event
    return {
        "node": one.node,
        "at": event.at_ms,
        "event": event.event,
        "reason": event.reason,
        "topic": event.topic,
        "who": event.who,
        "count": event.count,
    }


def messages_row(one: ClientMessages) -> dict[str, object]:
    """Return what is on its way to a client."""
    return {
        "node": one.node,
        "clientid": one.clientid,
        "inflight": _line(one.inflight),
        "mqueue": _line(one.mqueue),
        "mqueue_dropped": one.mqueue_dropped,
        "dropped": dict(one.dropped),
        "awaiting_rel": one.awaiting_rel,
        "idle": one.idle_ms,
    }


def _line(line: MessageLine) -> dict[str, object]:
    return {
        "len": line.length,
        "max": line.max_length,
        "first": [_message(one) for one in line.first],
    }


def _message(one: WaitingMessage) -> dict[str, object]:
    return {
        "topic": one.topic,
        "qos": one.qos,
        "size": one.size,
        "published_at": one.published_at_ms,
        "from": one.publisher,
        "packet_id": one.packet_id,
        "received": one.received,
        "sent_ago": one.sent_ago_ms,
    }


def list_client_events(services: Services, _call: Call, clientid: str) -> Answer:
    """List what happened to a client, the newest first."""
    return success([event_row(one) for one in services.client_story.events(clientid)])


def show_client_messages(services: Services, call: Call, clientid: str) -> Answer:
    """Show inflight window and queue of a client."""
    found = services.client_story.messages(clientid, call.params)
    return success([messages_row(one) for one in found])


ENDPOINTS = (
    Endpoint(
        "v4:GET /clients/{clientid}/events",
        "list_client_events",
        "GET",
        "/clients/:clientid/events",
        list_client_events,
        "What happened to a client lately, and why",
    ),
    Endpoint(
        "v4:GET /clients/{clientid}/messages",
        "show_client_messages",
        "GET",
        "/clients/:clientid/messages",
        show_client_messages,
        "What is on its way to a client, and what waits for it",
    ),
)
