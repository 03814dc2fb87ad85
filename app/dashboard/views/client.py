"""One client: its session, what is on its way to it, what happened to it and why, and what is done for it."""

from __future__ import annotations

from typing import Any

import orjson
from flask import request
from flask.typing import ResponseReturnValue

from app.broker.records import ClientRecord, SubscriptionRecord
from app.dashboard.access import Right
from app.dashboard.answers import done, show, url
from app.dashboard.pages import Page, Route
from app.dashboard.texts import N_, _
from app.dashboard.views.clients import BANS, PROTOCOLS
from app.errors import ResultCode, ServiceError
from app.services import Services

PATH = "/clients/client"
SHOWN = 20
"""Messages of each line; a queue may hold very many."""
EVENTS = {
    "connected": (N_("Connected"), "success"),
    "refused": (N_("Refused"), "danger"),
    "disconnected": (N_("Disconnected"), "secondary"),
    "session_terminated": (N_("Session ended"), "warning"),
    "subscribed": (N_("Subscribed"), "info"),
    "unsubscribed": (N_("Unsubscribed"), "secondary"),
    "acl_denied": (N_("Denied by the ACL"), "danger"),
    "message_dropped": (N_("Message dropped"), "danger"),
}
"""By the broker's word: ours, and the colour."""
REASONS = {
    "normal": N_("it said goodbye"),
    "tcp_closed": N_("it closed the connection without a word"),
    "tcp_error": N_("the connection broke"),
    "keepalive_timeout": N_("no sign of life within its keepalive"),
    "idle_timeout": N_("nothing was said in time"),
    "kicked": N_("kicked out"),
    "banned": N_("banned"),
    "takeovered": N_("another connection took its session over"),
    "discarded": N_("another connection began a new session"),
    "frame_error": N_("it sent what is no MQTT"),
    "protocol_error": N_("it broke the rules of MQTT"),
    "packet_too_large": N_("it sent a packet that is too large"),
    "internal_error": N_("an error of the node"),
    "server_shutdown": N_("the node was stopped"),
    "expired": N_("it expired"),
    "session_resumed": N_("its session was kept"),
    "queue_full": N_("the queue was full"),
    "too_large": N_("larger than the client takes"),
    "not_authorized": N_("not authorized"),
    "bad_username_or_password": N_("wrong user name or password"),
    "client_identifier_not_valid": N_("the client id is not allowed"),
    "connection_rate_exceeded": N_("too many attempts"),
    "publish": N_("publishing"),
    "subscribe": N_("subscribing"),
}
"""What the broker gives as a reason, in words; others are shown as they are."""
COUNTERS = (
    ("recv_msg.qos0", N_("Received, QoS 0")),
    ("recv_msg.qos1", N_("Received, QoS 1")),
    ("recv_msg.qos2", N_("Received, QoS 2")),
    ("recv_msg.dropped", N_("Received and dropped")),
    ("send_msg.qos0", N_("Sent, QoS 0")),
    ("send_msg.qos1", N_("Sent, QoS 1")),
    ("send_msg.qos2", N_("Sent, QoS 2")),
    ("send_msg.dropped", N_("Not delivered")),
    ("send_msg.dropped.queue_full", N_("Not delivered: queue full")),
    ("send_msg.dropped.expired", N_("Not delivered: expired")),
    ("send_msg.dropped.too_large", N_("Not delivered: too large")),
)


def whole_client(client: ClientRecord) -> dict[str, object]:
    """Return all that is known of a client; runs on the loop."""
    return {**client._asdict(), "counters": dict(client.counters)}


def subscription_row(one: SubscriptionRecord) -> dict[str, object]:
    """Return a subscription of the client; runs on the loop."""
    return {"topic": one.topic, "qos": one.qos, "share": one.share, "node": one.node}


def client(services: Services) -> ResponseReturnValue:
    """Show the page, or a part of it."""
    clientid = request.args.get("clientid", "")
    return show(
        "pages/client.html",
        {
            "client-now": "pages/client_now.html",
            "client-subscriptions": "pages/client_subscriptions.html",
            "client-acl": "pages/client_acl.html",
        },
        clientid=clientid,
        here=url(PATH, clientid=clientid),
        known=_known(services, clientid),
        events=services.client_story.events(clientid),
        messages=services.client_story.messages(clientid, {"_limit": SHOWN}),
        subscriptions=sorted(
            orjson.loads(b"[%b]" % services.subscriptions.of_client(clientid, subscription_row)),
            key=lambda one: str(one["topic"]),
        ),
        verdicts=_verdicts(services, clientid),
        words=EVENTS,
        reasons=REASONS,
        counters=COUNTERS,
        protocols=PROTOCOLS,
        bans=BANS,
    )


def _known(services: Services, clientid: str) -> dict[str, Any] | None:
    """Return the client; where several nodes know it, as the one knows it that it is connected to."""
    found = orjson.loads(b"[%b]" % services.clients.lookup(clientid, whole_client))
    connected = (one for one in found if one["connected"])
    return next(connected, found[0] if found else None)


def _verdicts(services: Services, clientid: str) -> list[Any]:
    try:
        return list(services.control.acl_cache(clientid))
    except ServiceError as error:
        if error.code is ResultCode.CLIENT_NOT_ONLINE:
            return []
        raise


def subscribe(services: Services) -> ResponseReturnValue:
    """Subscribe for the client."""
    clientid, topic = request.form.get("clientid", ""), request.form.get("topic", "")
    services.audit.note("client.subscribe", clientid, after={"topic": topic})
    services.pubsub.subscribe(
        {"clientid": clientid, "topic": topic, "qos": request.form.get("qos", "0")}
    )
    return _done(_("{clientid} is subscribed to {topic}.", clientid=clientid, topic=topic))


def unsubscribe(services: Services) -> ResponseReturnValue:
    """End a subscription of the client."""
    clientid, topic = request.form.get("clientid", ""), request.form.get("topic", "")
    services.audit.note("client.unsubscribe", clientid, before={"topic": topic})
    services.pubsub.unsubscribe({"clientid": clientid, "topic": topic})
    return _done(
        _("{clientid} is not subscribed to {topic} any more.", clientid=clientid, topic=topic)
    )


def clear_cache(services: Services) -> ResponseReturnValue:
    """Forget what the ACL said about the client."""
    clientid = request.form.get("clientid", "")
    services.audit.note("client.clear_acl_cache", clientid)
    services.control.drain_acl_cache(clientid)
    return _done(_("The ACL is asked about {clientid} again.", clientid=clientid))


def _done(message: str) -> ResponseReturnValue:
    parts = ["client-now", "client-subscriptions", "client-acl", "subscriptions-table"]
    return done(message, to="/clients", refresh=parts)


PAGES = (
    Page(
        name="client",
        title=N_("Client"),
        path=PATH,
        view=client,
        parent="clients",
        routes=(
            Route("POST", "/clients/subscribe", subscribe, Right.OPERATE),
            Route("POST", "/clients/unsubscribe", unsubscribe, Right.OPERATE),
            Route("POST", "/clients/clear_cache", clear_cache, Right.OPERATE),
        ),
    ),
)
