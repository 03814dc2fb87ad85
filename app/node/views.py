"""Frozen records of live things, made on the loop."""

from __future__ import annotations

from app.broker.cm import ManagedChannel
from app.broker.records import ClientRecord
from app.node.queries import idle_ms

BYTES_PER_DELIVERY = 200
"""About what a queued message costs beside its payload."""
TLS_PROTOCOLS = ("mqtt:ssl:", "mqtt:wss:")
"""How the identifiers of listeners begin that speak TLS."""


def client_record(node: str, channel: ManagedChannel, *, with_idle: bool = True) -> ClientRecord:
    """Return what the lists show of a client.

    Args:
        node: Name of the node.
        channel: The client.
        with_idle: Whether to ask the system for how long the client has been silent, which costs as much as a row.
    """
    client = channel.client
    session = channel.session
    zone = client.zone
    counters = channel.counters
    waiting = len(session.mqueue) if session else 0
    inflight = len(session.inflight) if session else 0
    return ClientRecord(
        node=node,
        clientid=client.clientid,
        username=client.username,
        proto_name=client.proto_name,
        proto_ver=client.proto_ver,
        ip_address=client.peerhost,
        port=client.peerport,
        is_bridge=client.is_bridge,
        connected=channel.is_connected,
        connected_at_ms=channel.connected_at_ms,
        disconnected_at_ms=channel.disconnected_at_ms,
        created_at_ms=session.created_at_ms if session else channel.connected_at_ms,
        zone=zone.name,
        mountpoint=client.mountpoint or None,
        keepalive_s=client.keepalive_s,
        clean_start=client.clean_start,
        expiry_interval_s=session.expiry_interval_s if session else 0,
        subscriptions_cnt=len(session.subscriptions) if session else 0,
        max_subscriptions=zone.max_subscriptions,
        inflight=inflight,
        max_inflight=session.inflight_max if session else zone.max_inflight,
        mqueue_len=waiting,
        max_mqueue=zone.max_mqueue_len,
        mqueue_dropped=session.mqueue.dropped if session else 0,
        awaiting_rel=len(session.awaiting_rel) if session else 0,
        max_awaiting_rel=zone.max_awaiting_rel,
        recv_oct=counters.recv_oct,
        recv_cnt=counters.recv_cnt,
        recv_pkt=counters.recv_pkt,
        recv_msg=sum(counters.recv_msg),
        send_oct=counters.send_oct,
        send_cnt=counters.send_cnt,
        send_pkt=counters.send_pkt,
        send_msg=sum(counters.send_msg),
        mailbox_len=channel.wire.backlog_len(),
        heap_size=channel.wire.pending_bytes() + (waiting + inflight) * BYTES_PER_DELIVERY,
        reductions=counters.recv_pkt + counters.send_pkt,
        counters=dotted_counters(channel),
        is_superuser=client.is_superuser,
        is_tls=client.listener.startswith(TLS_PROTOCOLS),
        will_topic=channel.will.topic if channel.will else None,
        enqueue_msg=session.mqueue.arrivals if session else 0,
        idle_ms=idle_ms(channel) if with_idle else None,
    )


def dotted_counters(channel: ManagedChannel) -> dict[str, int]:
    """Return EMQX 4.4's dotted per-client counters."""
    counters = channel.counters
    received, sent = counters.recv_msg, counters.send_msg
    dropped = counters.send_msg_dropped or {}
    return {
        "recv_msg.qos0": received[0],
        "recv_msg.qos1": received[1],
        "recv_msg.qos2": received[2],
        "recv_msg.dropped": counters.recv_msg_dropped,
        "send_msg.qos0": sent[0],
        "send_msg.qos1": sent[1],
        "send_msg.qos2": sent[2],
        "send_msg.dropped": sum(dropped.values()),
        "send_msg.dropped.expired": dropped.get("expired", 0),
        "send_msg.dropped.queue_full": dropped.get("queue_full", 0),
        "send_msg.dropped.too_large": dropped.get("too_large", 0),
    }
