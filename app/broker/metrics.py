"""Counters of one broker, under EMQX's names.

Integers with one writer, the loop; anybody may read them. What is a sum of others is summed when read, so that the
hot path counts each thing once. `METRICS` is the table: it feeds the API, the documents and the tests.

Source: seed 004, GET /api/v4/metrics; the names that only EMQX 4.4 sends stand beside the older ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol

from app.mqtt.packets import PacketType


class Ignoring(Protocol):
    """Whoever counts the questions that it has no answer to."""

    auth_ignore: int
    acl_ignore: int


@dataclass
class Metrics:
    """The counters. Packets by type and messages by QoS are lists, the rest plain attributes."""

    bytes_received: int = 0
    bytes_sent: int = 0
    packets_received: list[int] = field(default_factory=lambda: [0] * 16)
    packets_sent: list[int] = field(default_factory=lambda: [0] * 16)
    """By PacketType."""
    messages_received: list[int] = field(default_factory=lambda: [0, 0, 0])
    messages_sent: list[int] = field(default_factory=lambda: [0, 0, 0])
    """By QoS; what took the express lane is not in these but in the next two."""
    lane_received: list[int] = field(default_factory=lambda: [0, 0, 0])
    """PUBLISHes that came and were routed, by QoS."""
    lane_sent: list[int] = field(default_factory=lambda: [0, 0, 0])
    """PUBLISHes that were sent, each to one session, by QoS."""
    lane_acl_hits: int = 0
    """PUBLISHes on the express lane that the ACL would have been asked about."""

    connack_error: int = 0
    connack_auth_error: int = 0
    publish_inuse: int = 0
    publish_error: int = 0
    publish_auth_error: int = 0
    publish_dropped: int = 0
    puback_inuse: int = 0
    puback_missed: int = 0
    pubrec_inuse: int = 0
    pubrec_missed: int = 0
    pubrel_missed: int = 0
    pubcomp_inuse: int = 0
    pubcomp_missed: int = 0
    subscribe_error: int = 0
    subscribe_auth_error: int = 0
    unsubscribe_error: int = 0

    messages_publish: int = 0
    messages_dropped_no_subscribers: int = 0
    messages_dropped_expired: int = 0
    messages_dropped_await_pubrel_timeout: int = 0
    messages_dropped_receive_maximum: int = 0
    messages_dropped_delayed: int = 0
    messages_forward: int = 0
    messages_retained: int = 0
    messages_retained_refused: int = 0
    messages_delayed: int = 0
    messages_delivered: int = 0
    messages_acked: int = 0

    delivery_dropped_no_local: int = 0
    delivery_dropped_too_large: int = 0
    delivery_dropped_qos0_msg: int = 0
    delivery_dropped_queue_full: int = 0
    delivery_dropped_expired: int = 0

    client_connect: int = 0
    client_connack: int = 0
    client_connected: int = 0
    client_authenticate: int = 0
    client_auth_success: int = 0
    client_auth_anonymous: int = 0
    client_auth_failure: int = 0
    client_auth_timeout: int = 0
    client_check_acl: int = 0
    client_acl_allow: int = 0
    client_acl_deny: int = 0
    client_acl_timeout: int = 0
    client_acl_cache_hit: int = 0
    client_subscribe: int = 0
    client_unsubscribe: int = 0
    client_disconnected: int = 0
    client_refused_high_memory: int = 0
    client_rate_limited: int = 0
    client_flapping_banned: int = 0
    client_auth_limited: int = 0

    session_created: int = 0
    session_resumed: int = 0
    session_takeovered: int = 0
    session_discarded: int = 0
    session_terminated: int = 0

    listener_refused_max_connections: int = 0
    listener_paused_conn_rate: int = 0
    admission_waits: int = 0
    admission_waits_for_logins: int = 0
    listener_error_handshake: int = 0
    listener_error_proxy_protocol: int = 0
    limit_packet_size: int = 0
    limit_clientid_len: int = 0
    limit_topic_levels: int = 0
    limit_topic_alias: int = 0
    limit_qos: int = 0
    limit_retain: int = 0
    limit_wildcard: int = 0
    limit_shared: int = 0
    limit_subscriptions: int = 0
    limit_idle_timeout: int = 0
    limit_inflight: int = 0
    backpressure_waits: int = 0
    backpressure_timeouts: int = 0
    storage_groups: int = 0
    storage_bytes: int = 0
    storage_pending: int = 0
    storage_failures: int = 0
    storage_paused: int = 0
    loop_read_slices: int = 0
    loop_read_waits: int = 0
    request_waits: int = 0
    request_auth_failure: int = 0
    request_auth_limited: int = 0
    of_authenticators: list[Ignoring] = field(default_factory=list)
    """What each plugin of authentication has answered; summed when read."""
    of_plugins: dict[str, int] = field(default_factory=dict)
    """What plugins count, by EMQX's names; there from when a plugin is first loaded."""

    def count_hook_timeout(self, point: str) -> None:
        """Count a callback of a hook point that did not answer in time."""
        if point.startswith("client.check_acl"):
            self.client_acl_timeout += 1
        else:
            self.client_auth_timeout += 1

    def snapshot(self) -> dict[str, int]:
        """Return every counter under its EMQX name, in table order; behind them those of plugins."""
        return {row.name: row.read(self) for row in METRICS} | self.of_plugins


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
    doc = f"{kind.name} packets received"
    if kind is PacketType.PUBLISH:
        return Metric(name, doc, lambda m: m.packets_received[kind] + sum(m.lane_received))
    return Metric(name, doc, lambda m: m.packets_received[kind])


def _sent(kind: PacketType) -> Metric:
    name = f"packets.{kind.name.lower()}.sent"
    doc = f"{kind.name} packets sent"
    if kind is PacketType.PUBLISH:
        return Metric(name, doc, lambda m: m.packets_sent[kind] + sum(m.lane_sent))
    return Metric(name, doc, lambda m: m.packets_sent[kind])


def _messages_received(qos: int) -> Metric:
    return Metric(
        f"messages.qos{qos}.received",
        f"… with QoS {qos}",
        lambda m: m.messages_received[qos] + m.lane_received[qos],
    )


def _messages_sent(qos: int) -> Metric:
    return Metric(
        f"messages.qos{qos}.sent",
        f"… with QoS {qos}",
        lambda m: m.messages_sent[qos] + m.lane_sent[qos],
    )


def _messages_dropped(m: Metrics) -> int:
    return (
        m.messages_dropped_no_subscribers
        + m.messages_dropped_expired
        + m.messages_dropped_await_pubrel_timeout
        + m.messages_dropped_receive_maximum
        + m.messages_dropped_delayed
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
    Metric(
        "packets.received",
        "MQTT packets received",
        lambda m: sum(m.packets_received) + sum(m.lane_received),
    ),
    Metric("packets.sent", "MQTT packets sent", lambda m: sum(m.packets_sent) + sum(m.lane_sent)),
    _received(P.CONNECT),
    _sent(P.CONNACK),
    _plain("packets.connack.error", "CONNECTs that led to no connection", "connack_error"),
    _plain("packets.connack.auth_error", "CONNECTs that were not let in", "connack_auth_error"),
    _received(P.PUBLISH),
    _sent(P.PUBLISH),
    _plain("packets.publish.inuse", "PUBLISHes whose packet id was in use", "publish_inuse"),
    _plain("packets.publish.error", "PUBLISHes that could not be published", "publish_error"),
    _plain("packets.publish.auth_error", "PUBLISHes the ACL refused", "publish_auth_error"),
    _plain(
        "packets.publish.dropped",
        "PUBLISHes over the receive limit, or left behind by clients that were lost",
        "publish_dropped",
    ),
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
    Metric(
        "messages.received",
        "Messages from clients",
        lambda m: sum(m.messages_received) + sum(m.lane_received),
    ),
    Metric(
        "messages.sent",
        "Messages sent to clients",
        lambda m: sum(m.messages_sent) + sum(m.lane_sent),
    ),
    _messages_received(0),
    _messages_sent(0),
    _messages_received(1),
    _messages_sent(1),
    _messages_received(2),
    _messages_sent(2),
    Metric(
        "messages.publish",
        "Messages that entered routing, $SYS aside",
        lambda m: m.messages_publish + sum(m.lane_received),
    ),
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
    _plain(
        "messages.dropped.delayed",
        "Delayed messages too many, of no form, or of a publisher banned meanwhile",
        "messages_dropped_delayed",
    ),
    _plain("messages.forward", "Messages forwarded to other nodes", "messages_forward"),
    _plain("messages.retained", "Retained messages held", "messages_retained"),
    _plain(
        "messages.retained.refused",
        "Messages too large to be retained, or one too many",
        "messages_retained_refused",
    ),
    _plain("messages.delayed", "Messages held back for later", "messages_delayed"),
    Metric(
        "messages.delivered",
        "Messages handed to sessions",
        lambda m: m.messages_delivered + sum(m.lane_sent),
    ),
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
    Metric(
        "client.auth.ignore",
        "Clients that a plugin left to the next, counted by each plugin",
        lambda m: sum(one.auth_ignore for one in m.of_authenticators),
    ),
    _plain(
        "client.auth.timeout",
        "Authentications that were not answered within broker.hook_timeout",
        "client_auth_timeout",
    ),
    _plain(
        "client.auth.limited",
        "CONNECTs refused because too many logins had failed from their address",
        "client_auth_limited",
    ),
    _plain(
        "client.flapping.banned",
        "Clients banned for disconnecting too often",
        "client_flapping_banned",
    ),
    _plain("client.check_acl", "ACL checks the cache could not answer", "client_check_acl"),
    Metric("client.acl.allow", "Allowed by ACL", lambda m: m.client_acl_allow + m.lane_acl_hits),
    _plain("client.acl.deny", "Denied by ACL", "client_acl_deny"),
    Metric(
        "client.acl.ignore",
        "ACL checks that a plugin left to the next, counted by each plugin",
        lambda m: sum(one.acl_ignore for one in m.of_authenticators),
    ),
    _plain(
        "client.acl.timeout",
        "ACL checks that were not answered within broker.hook_timeout",
        "client_acl_timeout",
    ),
    Metric(
        "client.acl.cache_hit",
        "ACL answers from the cache",
        lambda m: m.client_acl_cache_hit + m.lane_acl_hits,
    ),
    _plain("client.subscribe", "Subscribe requests", "client_subscribe"),
    _plain("client.unsubscribe", "Unsubscribe requests", "client_unsubscribe"),
    _plain("client.disconnected", "Disconnections", "client_disconnected"),
    _plain(
        "client.refused.high_memory",
        "CONNECTs refused while high_system_memory_usage was active",
        "client_refused_high_memory",
    ),
    _plain(
        "client.rate_limited",
        "Times a client was not read from because it was over its rate limit",
        "client_rate_limited",
    ),
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
    _plain(
        "listener.paused.conn_rate",
        "Times a listener stopped accepting for a moment at its max_conn_rate",
        "listener_paused_conn_rate",
    ),
    _plain(
        "admission.waits",
        "Newcomers that waited for their turn because very many came at once",
        "admission_waits",
    ),
    _plain(
        "admission.waits.logins",
        "Of these, those that waited because broker.max_pending_logins were being decided",
        "admission_waits_for_logins",
    ),
    _plain(
        "listener.error.handshake",
        "Connections that ended before MQTT: TLS failed or took too long",
        "listener_error_handshake",
    ),
    _plain(
        "listener.error.proxy_protocol",
        "Connections closed for want of a PROXY protocol header",
        "listener_error_proxy_protocol",
    ),
    _plain(
        "limit.packet_size",
        "Connections closed for a packet over mqtt.max_packet_size",
        "limit_packet_size",
    ),
    _plain(
        "limit.clientid_len",
        "CONNECTs refused for a client id over mqtt.max_clientid_len",
        "limit_clientid_len",
    ),
    _plain(
        "limit.topic_levels",
        "Topics, filters and wills refused for more levels than mqtt.max_topic_levels",
        "limit_topic_levels",
    ),
    _plain(
        "limit.topic_alias",
        "Connections closed for an alias over mqtt.max_topic_alias",
        "limit_topic_alias",
    ),
    _plain(
        "limit.qos",
        "Connections closed for a QoS over mqtt.max_qos_allowed",
        "limit_qos",
    ),
    _plain(
        "limit.retain",
        "Connections closed for RETAIN without mqtt.retain_available",
        "limit_retain",
    ),
    _plain(
        "limit.wildcard",
        "Filters refused without mqtt.wildcard_subscription",
        "limit_wildcard",
    ),
    _plain(
        "limit.shared",
        "Filters refused without mqtt.shared_subscription",
        "limit_shared",
    ),
    _plain(
        "limit.subscriptions",
        "Subscriptions refused over a zone's max_subscriptions",
        "limit_subscriptions",
    ),
    _plain(
        "limit.idle_timeout",
        "Connections closed that sent no CONNECT within a zone's idle_timeout",
        "limit_idle_timeout",
    ),
    _plain(
        "limit.inflight",
        "Messages that had to wait because a client had a zone's max_inflight, or what it takes, unacknowledged",
        "limit_inflight",
    ),
    _plain(
        "backpressure.waits",
        "Messages whose acknowledgement waited for room in the queue of a connected subscriber",
        "backpressure_waits",
    ),
    _plain(
        "backpressure.timeouts",
        "Of these, those that a zone's mqueue_backpressure_timeout ended, and old messages were dropped",
        "backpressure_timeouts",
    ),
    _plain("storage.groups", "Groups of changes written to the journal", "storage_groups"),
    _plain("storage.bytes", "Bytes written to the journal", "storage_bytes"),
    _plain(
        "storage.pending", "Bytes that waited to be written when last looked at", "storage_pending"
    ),
    _plain("storage.failures", "Times the journal could not be written", "storage_failures"),
    _plain(
        "storage.paused",
        "Times a client was not read from because more than storage.max_pending waited to be written",
        "storage_paused",
    ),
    _plain("loop.read.slices", "Slices of API lists made on the loop", "loop_read_slices"),
    _plain("loop.read.waits", "Times a list waited for its read budget", "loop_read_waits"),
    _plain("request.waits", "Requests that waited for a busy broker", "request_waits"),
    _plain("request.auth.failure", "Failed logins to the HTTP APIs", "request_auth_failure"),
    _plain(
        "request.auth.limited",
        "Logins turned away because their address had failed too often",
        "request_auth_limited",
    ),
)
