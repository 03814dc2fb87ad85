"""Counters of one broker, under EMQX's names.

Integers with one writer, the loop; anybody may read them. What is a sum of others is summed when read, so that the
hot path counts each thing once. `METRICS` is the table: it feeds the API, the documents and the tests.

Source: seed 004, GET /api/v4/metrics; the names that only EMQX 4.4 sends stand beside the older ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from app.mqtt.packets import PacketType


class Metrics:
    """The counters. Packets by type and messages by QoS are lists, the rest plain attributes."""

    def __init__(self) -> None:
        """Start every counter at nought."""
        self.bytes_received = 0
        self.bytes_sent = 0

        # By PacketType, by QoS.
        self.packets_received = [0] * 16
        self.packets_sent = [0] * 16
        self.messages_received = [0, 0, 0]
        self.messages_sent = [0, 0, 0]

        self.connack_error = 0
        self.connack_auth_error = 0
        self.publish_inuse = 0
        self.publish_error = 0
        self.publish_auth_error = 0
        self.publish_dropped = 0
        self.puback_inuse = 0
        self.puback_missed = 0
        self.pubrec_inuse = 0
        self.pubrec_missed = 0
        self.pubrel_missed = 0
        self.pubcomp_inuse = 0
        self.pubcomp_missed = 0
        self.subscribe_error = 0
        self.subscribe_auth_error = 0
        self.unsubscribe_error = 0

        self.messages_publish = 0
        self.messages_dropped_no_subscribers = 0
        self.messages_dropped_expired = 0
        self.messages_dropped_await_pubrel_timeout = 0
        self.messages_dropped_receive_maximum = 0
        self.messages_forward = 0
        self.messages_retained = 0
        self.messages_delayed = 0
        self.messages_delivered = 0
        self.messages_acked = 0

        self.delivery_dropped_no_local = 0
        self.delivery_dropped_too_large = 0
        self.delivery_dropped_qos0_msg = 0
        self.delivery_dropped_queue_full = 0
        self.delivery_dropped_expired = 0

        self.client_connect = 0
        self.client_connack = 0
        self.client_connected = 0
        self.client_authenticate = 0
        self.client_auth_success = 0
        self.client_auth_anonymous = 0
        self.client_auth_failure = 0
        self.client_check_acl = 0
        self.client_acl_allow = 0
        self.client_acl_deny = 0
        self.client_acl_cache_hit = 0
        self.client_subscribe = 0
        self.client_unsubscribe = 0
        self.client_disconnected = 0

        self.session_created = 0
        self.session_resumed = 0
        self.session_takeovered = 0
        self.session_discarded = 0
        self.session_terminated = 0

        self.listener_refused_max_connections = 0
        self.loop_read_slices = 0
        self.loop_read_waits = 0
        self.request_waits = 0

    def snapshot(self) -> dict[str, int]:
        """Return every counter under its EMQX name, in table order."""
        return {row.name: row.read(self) for row in METRICS}


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table: EMQX's name, what it counts, how it is read."""

    name: str
    doc: str
    read: Callable[[Metrics], int]


def _plain(name: str, doc: str, attribute: str) -> Metric:
    return Metric(name, doc, attrgetter(attribute))


def _received(kind: PacketType) -> Metric:
    name = f"packets.{kind.name.lower()}.received"
    return Metric(name, f"{kind.name} packets received", lambda m: m.packets_received[kind])


def _sent(kind: PacketType) -> Metric:
    name = f"packets.{kind.name.lower()}.sent"
    return Metric(name, f"{kind.name} packets sent", lambda m: m.packets_sent[kind])


def _messages_dropped(m: Metrics) -> int:
    return (
        m.messages_dropped_no_subscribers
        + m.messages_dropped_expired
        + m.messages_dropped_await_pubrel_timeout
        + m.messages_dropped_receive_maximum
    )


def _delivery_dropped(m: Metrics) -> int:
    return (
        m.delivery_dropped_no_local
        + m.delivery_dropped_too_large
        + m.delivery_dropped_qos0_msg
        + m.delivery_dropped_queue_full
        + m.delivery_dropped_expired
    )


P = PacketType
METRICS: tuple[Metric, ...] = (
    _plain("bytes.received", "Bytes received from clients", "bytes_received"),
    _plain("bytes.sent", "Bytes sent to clients", "bytes_sent"),
    Metric("packets.received", "MQTT packets received", lambda m: sum(m.packets_received)),
    Metric("packets.sent", "MQTT packets sent", lambda m: sum(m.packets_sent)),
    _received(P.CONNECT),
    _sent(P.CONNACK),
    _plain("packets.connack.error", "CONNECTs that led to no connection", "connack_error"),
    _plain("packets.connack.auth_error", "CONNECTs that were not let in", "connack_auth_error"),
    _received(P.PUBLISH),
    _sent(P.PUBLISH),
    _plain("packets.publish.inuse", "PUBLISHes whose packet id was in use", "publish_inuse"),
    _plain("packets.publish.error", "PUBLISHes that could not be published", "publish_error"),
    _plain("packets.publish.auth_error", "PUBLISHes the ACL refused", "publish_auth_error"),
    _plain("packets.publish.dropped", "PUBLISHes over the receive limit", "publish_dropped"),
    _received(P.PUBACK),
    _sent(P.PUBACK),
    _plain("packets.puback.inuse", "PUBACKs for an id that awaits another", "puback_inuse"),
    _plain("packets.puback.missed", "PUBACKs for an unknown packet id", "puback_missed"),
    _received(P.PUBREC),
    _sent(P.PUBREC),
    _plain("packets.pubrec.inuse", "PUBRECs for an id that awaits another", "pubrec_inuse"),
    _plain("packets.pubrec.missed", "PUBRECs for an unknown packet id", "pubrec_missed"),
    _received(P.PUBREL),
    _sent(P.PUBREL),
    _plain("packets.pubrel.missed", "PUBRELs for an unknown packet id", "pubrel_missed"),
    _received(P.PUBCOMP),
    _sent(P.PUBCOMP),
    _plain("packets.pubcomp.inuse", "PUBCOMPs for an id that awaits another", "pubcomp_inuse"),
    _plain("packets.pubcomp.missed", "PUBCOMPs for an unknown packet id", "pubcomp_missed"),
    _received(P.SUBSCRIBE),
    _plain("packets.subscribe.error", "SUBSCRIBEs that failed", "subscribe_error"),
    _plain("packets.subscribe.auth_error", "SUBSCRIBEs the ACL refused", "subscribe_auth_error"),
    _sent(P.SUBACK),
    _received(P.UNSUBSCRIBE),
    _plain("packets.unsubscribe.error", "UNSUBSCRIBEs that failed", "unsubscribe_error"),
    _sent(P.UNSUBACK),
    _received(P.PINGREQ),
    _sent(P.PINGRESP),
    _received(P.DISCONNECT),
    _sent(P.DISCONNECT),
    _received(P.AUTH),
    _sent(P.AUTH),
    Metric("messages.received", "Messages from clients", lambda m: sum(m.messages_received)),
    Metric("messages.sent", "Messages sent to clients", lambda m: sum(m.messages_sent)),
    Metric("messages.qos0.received", "… with QoS 0", lambda m: m.messages_received[0]),
    Metric("messages.qos0.sent", "… with QoS 0", lambda m: m.messages_sent[0]),
    Metric("messages.qos1.received", "… with QoS 1", lambda m: m.messages_received[1]),
    Metric("messages.qos1.sent", "… with QoS 1", lambda m: m.messages_sent[1]),
    Metric("messages.qos2.received", "… with QoS 2", lambda m: m.messages_received[2]),
    Metric("messages.qos2.sent", "… with QoS 2", lambda m: m.messages_sent[2]),
    _plain("messages.publish", "Messages that entered routing, $SYS aside", "messages_publish"),
    Metric("messages.dropped", "Messages dropped before any session", _messages_dropped),
    _plain(
        "messages.dropped.no_subscribers",
        "Messages nobody was subscribed to",
        "messages_dropped_no_subscribers",
    ),
    _plain("messages.dropped.expired", "Messages expired on arrival", "messages_dropped_expired"),
    _plain(
        "messages.dropped.await_pubrel_timeout",
        "QoS 2 ids given up because no PUBREL came",
        "messages_dropped_await_pubrel_timeout",
    ),
    _plain(
        "messages.dropped.receive_maximum",
        "QoS 2 messages over max_awaiting_rel",
        "messages_dropped_receive_maximum",
    ),
    _plain("messages.forward", "Messages forwarded to other nodes", "messages_forward"),
    _plain("messages.retained", "Retained messages held", "messages_retained"),
    _plain("messages.delayed", "Delayed messages held", "messages_delayed"),
    _plain("messages.delivered", "Messages handed to sessions", "messages_delivered"),
    _plain("messages.acked", "PUBACKs and PUBRECs from subscribers", "messages_acked"),
    Metric("delivery.dropped", "Messages not delivered, all reasons", _delivery_dropped),
    _plain("delivery.dropped.no_local", "… for No Local", "delivery_dropped_no_local"),
    _plain("delivery.dropped.too_large", "… larger than accepted", "delivery_dropped_too_large"),
    _plain("delivery.dropped.qos0_msg", "… QoS 0 with no room", "delivery_dropped_qos0_msg"),
    _plain("delivery.dropped.queue_full", "… the queue was full", "delivery_dropped_queue_full"),
    _plain("delivery.dropped.expired", "… expired in the queue", "delivery_dropped_expired"),
    _plain("client.connect", "Connection attempts", "client_connect"),
    _plain("client.connack", "CONNACKs", "client_connack"),
    _plain("client.connected", "Successful connections", "client_connected"),
    _plain("client.authenticate", "Authentications", "client_authenticate"),
    _plain("client.auth.success", "Successful authentications", "client_auth_success"),
    _plain("client.auth.success.anonymous", "… without credentials", "client_auth_anonymous"),
    _plain("client.auth.anonymous", "… without credentials", "client_auth_anonymous"),
    _plain("client.auth.failure", "Failed authentications", "client_auth_failure"),
    _plain("client.check_acl", "ACL checks the cache could not answer", "client_check_acl"),
    _plain("client.acl.allow", "Allowed by ACL", "client_acl_allow"),
    _plain("client.acl.deny", "Denied by ACL", "client_acl_deny"),
    _plain("client.acl.cache_hit", "ACL answers from the cache", "client_acl_cache_hit"),
    _plain("client.subscribe", "Subscribe requests", "client_subscribe"),
    _plain("client.unsubscribe", "Unsubscribe requests", "client_unsubscribe"),
    _plain("client.disconnected", "Disconnections", "client_disconnected"),
    _plain("session.created", "Sessions made", "session_created"),
    _plain("session.resumed", "Sessions resumed", "session_resumed"),
    _plain("session.takeovered", "Sessions taken over by a connection", "session_takeovered"),
    _plain("session.discarded", "Sessions discarded for a clean start", "session_discarded"),
    _plain("session.terminated", "Sessions ended", "session_terminated"),
    _plain(
        "listener.refused.max_connections",
        "Connections refused at a listener's max_connections",
        "listener_refused_max_connections",
    ),
    _plain("loop.read.slices", "Slices of API lists made on the loop", "loop_read_slices"),
    _plain("loop.read.waits", "Times a list waited for its read budget", "loop_read_waits"),
    _plain("request.waits", "Requests that waited for a busy broker", "request_waits"),
)
