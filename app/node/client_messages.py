"""What is on its way to one client and what waits for it: facts made on the loop, for the client's own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.broker.cm import ManagedChannel
from app.broker.inflight import Delivery


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """One message for a client."""

    topic: str
    qos: int
    size: int
    """Bytes of the payload."""
    published_at_ms: int
    publisher: str | None
    packet_id: int | None = None
    """Of what was sent; what waits in the queue has none yet."""
    received: bool = False
    """QoS 2: the client has it, and only the end of the exchange is awaited."""
    sent_ago_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MessageLine:
    """Messages in a row: how many there are, and the first of them."""

    length: int
    max_length: int
    """0 is no limit."""
    first: Sequence[WaitingMessage]


@dataclass(frozen=True, slots=True)
class ClientMessages:
    """Inflight window and queue of one client."""

    node: str
    clientid: str
    inflight: MessageLine
    mqueue: MessageLine
    mqueue_dropped: int
    """What the queue had no room for."""
    dropped: Mapping[str, int]
    """Deliveries that were given up, by the reason, since the client connected."""
    awaiting_rel: int
    idle_ms: int | None
    """For how long the client has sent nothing, or has been away; None where nobody can tell."""


def client_messages(
    node: str, channel: ManagedChannel, count: int, idle_ms: int | None
) -> ClientMessages:
    """Return what is on its way to a client and what waits for it.

    Args:
        node: Name of the node.
        channel: The client.
        count: How many messages of each line to show.
        idle_ms: For how long it has been silent.
    """
    session = channel.session
    zone = channel.client.zone
    inflight = MessageLine(0, zone.max_inflight, ())
    mqueue = MessageLine(0, zone.max_mqueue_len, ())
    if session is not None:
        now_s = session.clock.monotonic_s()
        sent = [
            _waiting(delivery, packet_id, now_s)
            for packet_id, delivery in islice(session.inflight.items(), count)
        ]
        queued = [_waiting(delivery) for delivery in session.mqueue.first(count)]
        inflight = MessageLine(len(session.inflight), session.inflight_max, sent)
        mqueue = MessageLine(len(session.mqueue), zone.max_mqueue_len, queued)
    return ClientMessages(
        node=node,
        clientid=channel.client.clientid,
        inflight=inflight,
        mqueue=mqueue,
        mqueue_dropped=session.mqueue.dropped if session else 0,
        dropped=dict(channel.counters.send_msg_dropped or {}),
        awaiting_rel=len(session.awaiting_rel) if session else 0,
        idle_ms=idle_ms,
    )


def _waiting(
    delivery: Delivery, packet_id: int | None = None, now_s: float | None = None
) -> WaitingMessage:
    message = delivery.message
    return WaitingMessage(
        topic=message.topic,
        qos=delivery.qos,
        size=len(message.payload),
        published_at_ms=message.timestamp_ms,
        publisher=message.clientid,
        packet_id=packet_id,
        received=delivery.released,
        sent_ago_ms=None if now_s is None else round((now_s - delivery.sent_at_s) * 1000),
    )
