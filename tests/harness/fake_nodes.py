"""A cluster in memory that answers like `app.node`, for tests above the loop.

Holds real records and real queries; counts nothing, forgets nothing: what the services command is kept for the test.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from app.broker.acl_cache import AclVerdict
from app.broker.alarms import AlarmRecord
from app.broker.client_story import ClientEvent
from app.broker.records import (
    BanRecord,
    BrokerRecord,
    ClientRecord,
    ListenerRecord,
    NodeRecord,
    RouteRecord,
    SubscriptionRecord,
)
from app.mqtt.topic import matches, split_share
from app.node.proxy import (
    ClientQuery,
    ClientRow,
    NodeProxy,
    PageRequest,
    PublishCommand,
    RouteRow,
    RowsPage,
    SubscribeCommand,
    SubscriptionQuery,
    SubscriptionRow,
)
from tests.harness.fake_control import FakeControl

NODE = "godwit@127.0.0.1"
MSGID = "0123456789abcdef0123456789abcdef"


def a_client(clientid: str = "c1", **changes: Any) -> ClientRecord:
    """Return a connected client; name the fields that matter."""
    record = ClientRecord(
        node=NODE,
        clientid=clientid,
        username=None,
        proto_name="MQTT",
        proto_ver=4,
        ip_address="127.0.0.1",
        port=50_000,
        is_bridge=False,
        connected=True,
        connected_at_ms=1_700_000_000_000,
        disconnected_at_ms=None,
        created_at_ms=1_700_000_000_000,
        zone="external",
        mountpoint=None,
        keepalive_s=60,
        clean_start=True,
        expiry_interval_s=0,
        subscriptions_cnt=0,
        max_subscriptions=0,
        inflight=0,
        max_inflight=32,
        mqueue_len=0,
        max_mqueue=1000,
        mqueue_dropped=0,
        awaiting_rel=0,
        max_awaiting_rel=100,
        recv_oct=29,
        recv_cnt=2,
        recv_pkt=1,
        recv_msg=0,
        send_oct=4,
        send_cnt=1,
        send_pkt=1,
        send_msg=0,
        mailbox_len=0,
        heap_size=2586,
        reductions=2,
        counters={"recv_msg.qos0": 0, "send_msg.dropped.queue_full": 0},
    )
    return record._replace(**changes)


def a_listener(**changes: Any) -> ListenerRecord:
    """Return a listener; name the fields that matter."""
    record = ListenerRecord(
        protocol="mqtt:tcp",
        listen_on="0.0.0.0:1883",
        identifier="mqtt:tcp:external",
        acceptors=8,
        max_conns=1_024_000,
        current_conns=0,
    )
    return replace(record, **changes)


@dataclass
class FakeNode:
    """One node; set its lists, read `commands`."""

    name: str = NODE
    running: bool = True
    client_records: list[ClientRecord] = field(default_factory=list)
    subscription_records: list[SubscriptionRecord] = field(default_factory=list)
    route_records: list[RouteRecord] = field(default_factory=list)
    listener_records: list[ListenerRecord] = field(default_factory=lambda: [a_listener()])
    alarm_records: list[AlarmRecord] = field(default_factory=list)
    metric_values: dict[str, int] = field(default_factory=dict)
    stat_values: dict[str, int] = field(default_factory=dict)
    commands: list[tuple[object, ...]] = field(default_factory=list)
    failure: Exception | None = None
    """Raised by every list and command, as when the loop does not answer."""
    acl_verdicts: list[AclVerdict] = field(default_factory=list)
    client_events: list[ClientEvent] = field(default_factory=list)
    bans_made: deque[BanRecord] = field(default_factory=deque)
    health: dict[str, bool] = field(
        default_factory=lambda: {"listeners": True, "storage": True, "newcomers": True}
    )

    @property
    def control(self) -> FakeControl:
        return FakeControl(self)

    def is_running(self) -> bool:
        return self.running

    def broker_info(self) -> BrokerRecord:
        return BrokerRecord(
            node=self.name,
            version="4.4.19",
            sysdescr="Godwit",
            uptime_s=15_679,
            datetime="2026-11-21 12:00:00",
            otp_release="R24/12.3",
            node_status="Running",
        )

    def node_info(self) -> NodeRecord:
        return NodeRecord(
            node=self.name,
            version="4.4.19",
            node_status="Running",
            otp_release="R24/12.3",
            uptime_s=7,
            connections=len(self.client_records),
            live_connections=sum(client.connected for client in self.client_records),
            load1=2.314,
            load5=2.6,
            load15=2.65,
            max_fds=10_240,
            memory_total_bytes=124_014_428,
            memory_used_bytes=101_449_728,
            process_available=2_097_152,
            process_used=315,
        )

    def metrics(self) -> dict[str, int]:
        return self.metric_values

    def stats(self) -> dict[str, int]:
        return self.stat_values

    def listeners(self) -> list[ListenerRecord]:
        return self.listener_records

    def activated_alarms(self) -> Sequence[AlarmRecord]:
        return [alarm for alarm in self.alarm_records if alarm.activated]

    def deactivated_alarms(self) -> Sequence[AlarmRecord]:
        return [alarm for alarm in self.alarm_records if not alarm.activated]

    def clients(self, query: ClientQuery, page: PageRequest, row: ClientRow) -> RowsPage:
        self._crossing("clients", query, page)
        found = [row(one) for one in self.client_records if _client_passes(one, query)]
        return _page(found, page, counted=page.counted or query == ClientQuery())

    def subscriptions(
        self, query: SubscriptionQuery, page: PageRequest, row: SubscriptionRow
    ) -> RowsPage:
        self._crossing("subscriptions", query, page)
        found = [row(one) for one in self.subscription_records if _subscription_passes(one, query)]
        counted = query == SubscriptionQuery() or query.topic is not None
        return _page(found, page, counted=counted)

    def routes(self, page: PageRequest, row: RouteRow) -> RowsPage:
        self._crossing("routes", page)
        return _page([row(one) for one in self.route_records], page, counted=True)

    def client(self, clientid: str, row: ClientRow) -> bytes:
        self._crossing("client", clientid)
        return _rows(row(one) for one in self.client_records if one.clientid == clientid)

    def clients_of_user(self, username: str, row: ClientRow) -> bytes:
        self._crossing("clients_of_user", username)
        return _rows(row(one) for one in self.client_records if one.username == username)

    def subscriptions_of(self, clientid: str, row: SubscriptionRow) -> bytes:
        self._crossing("subscriptions_of", clientid)
        return _rows(row(one) for one in self.subscription_records if one.clientid == clientid)

    def route(self, topic: str, row: RouteRow) -> bytes:
        self._crossing("route", topic)
        return _rows(row(one) for one in self.route_records if one.topic == topic)

    def kick(self, clientid: str) -> bool:
        self._crossing("kick", clientid)
        return self._knows(clientid)

    def publish(self, commands: Sequence[PublishCommand]) -> list[str]:
        self._crossing("publish", *commands)
        return [MSGID for _ in commands]

    def subscribe(self, clientid: str, filters: Sequence[SubscribeCommand]) -> bool:
        self._crossing("subscribe", clientid, *filters)
        return self._knows(clientid)

    def unsubscribe(self, clientid: str, topic_filters: Sequence[str]) -> bool:
        self._crossing("unsubscribe", clientid, *topic_filters)
        return self._knows(clientid)

    def ban(self, record: BanRecord) -> None:
        self._crossing("ban", record)

    def made_bans(self) -> deque[BanRecord]:
        return self.bans_made

    def unban(self, kind: str, who: str) -> None:
        self._crossing("unban", kind, who)

    def deactivate_alarm(self, name: str) -> bool:
        self._crossing("deactivate_alarm", name)
        return any(alarm.name == name for alarm in self.activated_alarms())

    def delete_deactivated_alarms(self) -> None:
        self._crossing("delete_deactivated_alarms")

    def _crossing(self, *command: object) -> None:
        if self.failure is not None:
            raise self.failure
        self.commands.append(command)

    def _knows(self, clientid: str) -> bool:
        return any(client.clientid == clientid for client in self.client_records)


class FakeNodes:
    """A cluster of fake nodes; the first one is the local one."""

    def __init__(self, *nodes: FakeNode) -> None:
        """Take the nodes, or make one."""
        self._nodes = nodes or (FakeNode(),)

    @property
    def local(self) -> FakeNode:
        """Return the first node."""
        return self._nodes[0]

    def all(self) -> Sequence[NodeProxy]:
        return self._nodes

    def get(self, name: str) -> NodeProxy | None:
        return next((node for node in self._nodes if node.name == name), None)


def _rows(found: Iterable[Mapping[str, object]]) -> bytes:
    return b",".join(orjson.dumps(one) for one in found)


def _page(found: list[dict[str, object]], page: PageRequest, *, counted: bool) -> RowsPage:
    first = (max(page.page, 1) - 1) * page.limit
    last = first + page.limit
    total = len(found) if counted else -1
    return RowsPage(_rows(found[first:last]), total, hasnext=len(found) > last)


def _client_passes(client: ClientRecord, query: ClientQuery) -> bool:
    exact = ("clientid", "username", "zone", "ip_address", "clean_start", "proto_name", "proto_ver")
    state = "connected" if client.connected else "disconnected"
    ranges = ("created_at_ms", "connected_at_ms", "mqueue_len", "mqueue_dropped")
    return (
        all(getattr(query, name) in (None, getattr(client, name)) for name in exact)
        and query.conn_state in (None, state)
        and (query.like_clientid or "") in client.clientid
        and (query.like_username or "") in (client.username or "")
        and all(_within(query, name, getattr(client, name)) for name in ranges)
    )


def _within(query: ClientQuery, name: str, value: int) -> bool:
    least, most = getattr(query, f"gte_{name}"), getattr(query, f"lte_{name}")
    return (least is None or value >= least) and (most is None or value <= most)


def _share_fits(share: str | None, query: SubscriptionQuery) -> bool:
    if query.share is None or query.topic is None:
        return query.share in (None, share)
    return share is not None and share.startswith(query.share)


def _subscription_passes(subscription: SubscriptionRecord, query: SubscriptionQuery) -> bool:
    inner = split_share(subscription.topic)[1]
    return (
        query.clientid in (None, subscription.clientid)
        and query.topic in (None, inner)
        and _share_fits(subscription.share, query)
        and query.qos in (None, subscription.qos)
        and (query.match_topic is None or matches(inner, query.match_topic))
    )
