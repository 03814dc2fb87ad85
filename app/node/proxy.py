"""What services may ask of a node, this one or another: the one interface between the two worlds.

Small reads answer from counters that the loop owns and replaces whole. Lists and commands cross to the loop once per
request; rows are filtered, formatted and encoded there in slices and come back as finished JSON bytes (see
docs/design/interpreter-lock.md). Every crossing has a deadline; past it `ServiceError(BADRPC)` is raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.broker.acl_cache import AclVerdict
from app.broker.alarms import AlarmRecord
from app.broker.client_story import ClientEvent
from app.broker.explaining import Explanation, Question
from app.broker.records import (
    BanRecord,
    BrokerRecord,
    ClientRecord,
    ListenerRecord,
    NodeRecord,
    RouteRecord,
    SubscriptionRecord,
)
from app.config import Rate
from app.node.client_messages import ClientMessages

ClientRow = Callable[[ClientRecord], dict[str, object]]
SubscriptionRow = Callable[[SubscriptionRecord], dict[str, object]]
RouteRow = Callable[[RouteRecord], dict[str, object]]
"""Formatters run on the loop, once per row of the page: plain, quick, without I/O."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows of a list: 1-based `page` (values below 1 mean 1) of `limit` rows (0 = none)."""

    page: int
    limit: int
    counted: bool = False
    """Whether the total is wanted even where a filter makes it dear."""

    @property
    def start(self) -> int:
        """Return how many rows come before the page."""
        return (max(self.page, 1) - 1) * self.limit

    @property
    def end(self) -> int:
        """Return how many there are up to its own end."""
        return self.start + self.limit


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Encoded rows of one page."""

    rows: bytes
    """JSON objects joined by commas, without brackets."""
    total: int
    """All rows that the list has; -1 where a filter made counting pointless (EMQX's convention)."""
    hasnext: bool


@dataclass(frozen=True, slots=True)
class ClientQuery:
    """Filters on clients; None means not asked. Times in milliseconds."""

    clientid: str | None = None
    username: str | None = None
    zone: str | None = None
    ip_address: str | None = None
    conn_state: str | None = None
    clean_start: bool | None = None
    proto_name: str | None = None
    proto_ver: int | None = None
    like_clientid: str | None = None
    like_username: str | None = None
    gte_created_at_ms: int | None = None
    lte_created_at_ms: int | None = None
    gte_connected_at_ms: int | None = None
    lte_connected_at_ms: int | None = None
    gte_mqueue_len: int | None = None
    lte_mqueue_len: int | None = None
    gte_mqueue_dropped: int | None = None
    lte_mqueue_dropped: int | None = None
    sort: str | None = None
    """Of `app.node.queries.SORTED`: the largest first, as far as such a list goes."""


@dataclass(frozen=True, slots=True)
class SubscriptionQuery:
    """Filters on subscriptions; None means not asked."""

    clientid: str | None = None
    topic: str | None = None
    """The inner filter, without `$share/`."""
    share: str | None = None
    qos: int | None = None
    match_topic: str | None = None
    """Stored filters that this filter matches as if they were topic names."""


@dataclass(frozen=True, slots=True)
class PublishCommand:
    """One message that the API publishes."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    clientid: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    """MQTT 5 PUBLISH properties under the names of `app.mqtt.properties`."""


@dataclass(frozen=True, slots=True)
class SubscribeCommand:
    """One filter (with its `$share/` prefix, if any) that the API subscribes a client to."""

    topic_filter: str
    qos: int


class Control(Protocol):
    """Commands about one connected client or one listener of a node: one crossing each.

    Those about a client answer False or None where it is not connected to that node.
    """

    def acl_cache(self, clientid: str) -> list[AclVerdict] | None:
        """Return what is remembered of a client's ACL verdicts, newest first."""

    def drain_acl_cache(self, clientid: str) -> bool:
        """Forget a client's ACL verdicts."""

    def drain_acl_caches(self) -> None:
        """Forget the ACL verdicts of all clients."""

    def health(self) -> dict[str, bool]:
        """Return whether `listeners` are open, `storage` can be written, and `newcomers` are let in."""

    def limit_rate(self, clientid: str, messages: Rate | None, size: Rate | None) -> bool:
        """Hold a client to these rates in place of those it has; both None sets no limit any more."""

    def limit_quota(self, clientid: str, rate: Rate | None) -> bool:
        """Hold a client to a quota of deliveries in place of the one it has; None sets no limit any more."""

    def set_keepalive(self, clientid: str, keepalive_s: int) -> bool:
        """Expect signs of life from a client in this interval from now on; 0 expects none."""

    def explain(self, question: Question) -> Explanation:
        """Say why somebody may or may not do something, without any other effect."""

    def client_events(self, clientid: str) -> list[ClientEvent]:
        """Return what is remembered of a client that is there or was, oldest first."""

    def client_messages(self, clientid: str, count: int) -> ClientMessages | None:
        """Return what is on its way to a client, connected or not; None where it is unknown."""

    def stop_listener(self, identifier: str) -> bool:
        """Close a listener's socket; who is connected stays. False where there is no such one."""

    def start_listener(self, identifier: str) -> bool:
        """Open a listener's socket unless it is open. False where there is no such one.

        Raises:
            OSError: It cannot be opened; it stays closed.
        """

    def restart_listener(self, identifier: str) -> bool:
        """Close a listener's socket and open it anew; who is connected stays. False where there is no such one.

        Raises:
            OSError: It cannot be opened; it stays closed.
        """


class NodeProxy(Protocol):
    """One node of the cluster."""

    @property
    def name(self) -> str:
        """Return the node name, `godwit@127.0.0.1`."""

    @property
    def control(self) -> Control:
        """Return what may be done to its clients and listeners one by one."""

    # Small reads: no crossing, no waiting.
    def is_running(self) -> bool:
        """Tell whether its broker serves."""

    def broker_info(self) -> BrokerRecord:
        """Return basic facts."""

    def node_info(self) -> NodeRecord:
        """Return how it fares."""

    def metrics(self) -> dict[str, int]:
        """Return every counter under its EMQX name."""

    def stats(self) -> dict[str, int]:
        """Return every gauge with its peak."""

    def listeners(self) -> list[ListenerRecord]:
        """Return its MQTT and HTTP listeners."""

    def activated_alarms(self) -> Sequence[AlarmRecord]:
        """Return the alarms that are active."""

    def deactivated_alarms(self) -> Sequence[AlarmRecord]:
        """Return the past alarms that are still kept, oldest first."""

    # Lists: on the loop, in slices.
    def clients(self, query: ClientQuery, page: PageRequest, row: ClientRow) -> RowsPage:
        """Return one page of the clients that fit."""

    def subscriptions(
        self, query: SubscriptionQuery, page: PageRequest, row: SubscriptionRow
    ) -> RowsPage:
        """Return one page of the subscriptions that fit."""

    def routes(self, page: PageRequest, row: RouteRow) -> RowsPage:
        """Return one page of the routes."""

    def client(self, clientid: str, row: ClientRow) -> bytes:
        """Return a client's row, or nothing."""

    def clients_of_user(self, username: str, row: ClientRow) -> bytes:
        """Return the rows of a user's clients."""

    def subscriptions_of(self, clientid: str, row: SubscriptionRow) -> bytes:
        """Return the rows of a client's subscriptions."""

    def route(self, topic: str, row: RouteRow) -> bytes:
        """Return the row of exactly this filter, or nothing."""

    # Commands: one crossing each.
    def kick(self, clientid: str) -> bool:
        """End a client's connection and session; False where there is none."""

    def publish(self, commands: Sequence[PublishCommand]) -> list[str]:
        """Publish in order; return the message ids, 32 hex digits each."""

    def subscribe(self, clientid: str, filters: Sequence[SubscribeCommand]) -> bool:
        """Subscribe as if the client had done it; False where no such client is known."""

    def unsubscribe(self, clientid: str, topic_filters: Sequence[str]) -> bool:
        """Unsubscribe as if the client had done it; False where no such client is known."""

    def ban(self, record: BanRecord) -> None:
        """Keep somebody out, and put out who is in."""

    def made_bans(self) -> deque[BanRecord]:
        """Return the bans that its broker has made by itself; whoever keeps one takes it from the left."""

    def unban(self, kind: str, who: str) -> None:
        """Let somebody in again."""

    def deactivate_alarm(self, name: str) -> bool:
        """End an alarm; False where it is not active."""

    def delete_deactivated_alarms(self) -> None:
        """Forget the past alarms."""


class Nodes(Protocol):
    """The nodes of the cluster; a single node is a cluster of one."""

    @property
    def local(self) -> NodeProxy:
        """Return the node that this process runs."""

    def all(self) -> Sequence[NodeProxy]:
        """Return all of them, this one first."""

    def get(self, name: str) -> NodeProxy | None:
        """Return a node by name."""
