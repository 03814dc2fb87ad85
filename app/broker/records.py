"""Frozen facts that may leave the loop: what the rest of the house may know about clients, bans, listeners.

Names are EMQX 4's. Times are milliseconds since the epoch. Nothing here refers back to live state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple


class ClientRecord(NamedTuple):
    """One client and its session, connected or not (seed 004, GET /api/v4/clients).

    A tuple, because lists of clients are made of them by the ten thousand on the broker's own loop, and a frozen
    dataclass takes three times as long to fill.
    """

    node: str
    clientid: str
    username: str | None
    proto_name: str
    proto_ver: int
    ip_address: str
    port: int
    is_bridge: bool
    connected: bool
    connected_at_ms: int
    disconnected_at_ms: int | None
    created_at_ms: int
    zone: str
    mountpoint: str | None
    keepalive_s: int
    clean_start: bool
    expiry_interval_s: int
    subscriptions_cnt: int
    max_subscriptions: int
    inflight: int
    max_inflight: int
    mqueue_len: int
    max_mqueue: int
    mqueue_dropped: int
    awaiting_rel: int
    max_awaiting_rel: int
    recv_oct: int
    recv_cnt: int
    recv_pkt: int
    recv_msg: int
    send_oct: int
    send_cnt: int
    send_pkt: int
    send_msg: int
    mailbox_len: int
    """Packets decoded and not yet handled, the nearest thing to a process mailbox."""
    heap_size: int
    """Bytes held for this client in queues and buffers, the nearest thing to a process heap."""
    reductions: int
    """Packets handled in both directions, the nearest thing to Erlang's work counter."""
    counters: Mapping[str, int] = MappingProxyType({})
    """EMQX's dotted per-client counters: `recv_msg.qos0`, `send_msg.dropped.queue_full` and so on."""
    # What only the older generations of the API show.
    is_superuser: bool = False
    is_tls: bool = False
    will_topic: str | None = None
    enqueue_msg: int = 0
    """Messages that had to wait in the queue: those that do now, and those that were pushed out."""
    # What no generation of EMQX's API shows.
    idle_ms: int | None = None
    """For how long the client has sent nothing, or has been away; None where nobody can tell, or asked."""


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """One subscription; `topic` carries `$share/<group>/` where it is shared."""

    node: str
    clientid: str
    topic: str
    qos: int
    share: str | None = None

    @property
    def inner_topic(self) -> str:
        """Return the filter without `$share/<group>/`."""
        return (
            self.topic if self.share is None else self.topic.removeprefix(f"$share/{self.share}/")
        )


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """A topic filter that somebody on `node` is subscribed to."""

    topic: str
    node: str


@dataclass(frozen=True, slots=True)
class BanRecord:
    """Who must not come in. `kind` is EMQX's `as`: clientid, username or peerhost."""

    kind: str
    who: str
    by: str
    reason: str
    at_s: int
    until_s: int | None
    """Unix seconds; None never ends."""
    desc: str | None = None
    """EMQ X 3's second text."""


@dataclass(frozen=True, slots=True)
class ListenerRecord:
    """One listener as GET /listeners shows it."""

    protocol: str
    """`mqtt:tcp`, `mqtt:ws:8083`, `http:management` and so on."""
    listen_on: str
    identifier: str | None
    """`mqtt:tcp:external`; None for HTTP listeners."""
    acceptors: int
    max_conns: int
    current_conns: int
    shutdown_count: Mapping[str, int] = field(default_factory=dict)
    is_open: bool = True
    """Whether it takes clients in; no generation of EMQX's API shows it."""


@dataclass(frozen=True, slots=True)
class BrokerRecord:
    """Basic facts about a node (GET /brokers)."""

    node: str
    version: str
    sysdescr: str
    uptime_s: int
    datetime: str
    """The node's local time, `YYYY-MM-DD HH:MM:SS`."""
    otp_release: str
    node_status: str


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """How a node fares (GET /nodes)."""

    node: str
    version: str
    node_status: str
    otp_release: str
    uptime_s: int
    connections: int
    live_connections: int
    load1: float
    load5: float
    load15: float
    max_fds: int
    memory_total_bytes: int
    memory_used_bytes: int
    process_available: int
    process_used: int
    waiting_to_send: int = 0
    """Connections that have something to send and wait for the end of the loop's turn."""
