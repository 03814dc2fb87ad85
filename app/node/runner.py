"""The node: broker, thread and door, started and stopped together.

It answers as a `NodeProxy`. A process that was forked after the start has no broker thread, and says so by not
running.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ParamSpec, TypeVar

from app.broker.alarms import AlarmRecord
from app.broker.broker import Broker
from app.broker.cm import ManagedChannel
from app.broker.delayed import Delayed
from app.broker.message import Message
from app.broker.ports import NO_STORAGE, StoragePort
from app.broker.records import (
    BanRecord,
    BrokerRecord,
    ClientRecord,
    ListenerRecord,
    NodeRecord,
    RouteRecord,
)
from app.broker.retained import RetainedStore
from app.clock import Clock, local_datetime
from app.config import BrokerConfig, NodeSettings
from app.errors import ServiceError
from app.mqtt.packets import SubscribeFilter
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.node import facts
from app.node.client_pages import CONNECTED, connected_page
from app.node.control import NodeControl
from app.node.extensions import NodeExtensions
from app.node.http_listeners import HttpListeners
from app.node.loop_thread import LoopThread
from app.node.pager import Pager, ReadBudget, cut, encode_now
from app.node.proxy import (
    ClientQuery,
    ClientRow,
    PageRequest,
    PublishCommand,
    RouteRow,
    RowsPage,
    SubscribeCommand,
    SubscriptionQuery,
    SubscriptionRow,
)
from app.node.queries import SORTED, SORTED_MAX_ROWS, Largest, client_test, is_empty
from app.node.request_budget import RequestBudget
from app.node.retained_pages import RetainedPages
from app.node.safely import until_safe
from app.node.subscription_pages import all_of_client, filtered_page, page_of_all
from app.node.views import client_record
from app.service_manager import Held
from app.startup import InstanceLock, StartError
from app.storage.errors import StorageError
from app.version import SYSDESCR, VERSION

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

START_TIMEOUT_S = 30.0
GC_THRESHOLDS = (5_000, 200, 50)
"""A young collection stops the loop for a millisecond; ten times as many objects take ten. Older ones are rare."""
ROWS_WITH_IDLE = 500
"""Longer pages are for programs, which are not told for how long each client has been silent."""


class Node:
    """The node of this process."""

    def __init__(
        self,
        broker_config: BrokerConfig,
        settings: NodeSettings,
        clock: Clock,
        http_listeners: HttpListeners,
        lock: InstanceLock,
        storage: StoragePort = NO_STORAGE,
    ) -> None:
        """Prepare; `start` runs it."""
        self._settings = settings
        self._clock = clock
        self._http_listeners = http_listeners
        self._lock = lock
        self._thread = LoopThread(settings.call_timeout_s)
        self._storage = storage
        self._broker = Broker(broker_config, clock, storage)
        self._pager = Pager(
            settings.read_slice_rows, ReadBudget(settings.read_budget, self._broker.core.metrics)
        )
        self.request_budget = RequestBudget(
            settings.request_budget, self._broker.core.metrics, self._thread.cpu_s
        )
        self.control = NodeControl(self._thread, self._broker)
        self.retained_pages = RetainedPages(self._thread, self._pager, self._broker.core.retained)
        """Lists of the retained messages."""
        self._started_at_s = clock.monotonic_s()
        self._pid = 0
        self.load_bans: Callable[[], Iterable[BanRecord]] = tuple
        """Where the list of bans comes from at the start; set by the composition root."""
        self.extensions = NodeExtensions(self._thread, self._broker.core)
        self.load_extensions: Callable[[], None] = lambda: None
        """Loads plugins and modules, before anybody can connect; set by the composition root."""
        self.before_end: Callable[[], None] = lambda: None
        """Called when nobody is connected any more and the loop still runs; set by the composition root."""

    @property
    def retained(self) -> RetainedStore:
        """Return the retained messages; they are to be touched on the loop only."""
        return self._broker.core.retained

    @property
    def delayed(self) -> Delayed:
        """Return the delayed messages; they are to be touched on the loop only."""
        return self._broker.core.delayed

    # -- life ----------------------------------------------------------------------------------

    def adopt_sockets(self, held: Held) -> None:
        """Have MQTT listeners use the sockets that a service manager holds; to be said before the start."""
        self._broker.held_sockets = held

    def start(self) -> None:
        """Take the instance, start the thread, open the listeners.

        Raises:
            StartError: it cannot be; the text says what to do.
        """
        self._lock.acquire()
        sys.setswitchinterval(self._settings.switch_interval_s)
        tame_collector()
        bans = list(self.load_bans())
        try:
            self._storage.open()
        except StorageError as error:
            raise StartError(str(error)) from None
        self._thread.start()
        try:
            self.load_extensions()
            self._thread.run(self._broker.start(bans), START_TIMEOUT_S)
        except StartError:
            self._thread.stop(self._settings.stop_timeout_s)
            raise
        except OSError as error:
            self._thread.stop(self._settings.stop_timeout_s)
            raise StartError(
                f"Free the MQTT address or choose another one in listener.*: {error.strerror or error}."
            ) from None
        self._pid = os.getpid()
        self._started_at_s = self._clock.monotonic_s()

    def stop(self) -> None:
        """Tell the clients, close everything, end the thread. Doing it twice is no error."""
        if not self._thread.is_alive:
            return
        timeout_s = self._settings.stop_timeout_s
        try:
            self._thread.run(self._broker.stop(timeout_s / 2), timeout_s)
        except ServiceError:
            logger.warning("The broker did not close its connections within %s s", timeout_s)
        self.before_end()
        self._thread.stop(timeout_s)
        self._storage.close(timeout_s)
        logger.info("The broker has stopped")

    # -- Nodes: a cluster of one ---------------------------------------------------------------

    @property
    def local(self) -> Node:
        """Return this node."""
        return self

    def all(self) -> Sequence[Node]:
        """Return the nodes of the cluster."""
        return (self,)

    def get(self, name: str) -> Node | None:
        """Return a node by name."""
        return self if name == self.name else None

    # -- small reads ---------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Return the node name."""
        return self._broker.config.node_name

    def is_running(self) -> bool:
        """Tell whether the broker runs, in this very process."""
        return self._broker.running and self._thread.is_alive and self._pid == os.getpid()

    def _status(self) -> str:
        return "Running" if self.is_running() else "Stopped"

    def _uptime_s(self) -> int:
        return int(self._clock.monotonic_s() - self._started_at_s)

    def broker_info(self) -> BrokerRecord:
        """Return basic facts."""
        return BrokerRecord(
            node=self.name,
            version=VERSION,
            sysdescr=SYSDESCR,
            uptime_s=self._uptime_s(),
            datetime=local_datetime(self._clock.wall_ms()),
            otp_release=facts.RUNTIME,
            node_status=self._status(),
        )

    def node_info(self) -> NodeRecord:
        """Return how the node fares; connections stand where EMQX counts Erlang processes."""
        core = self._broker.core
        load1, load5, load15 = facts.load()
        memory_total, memory_used = facts.memory_bytes()
        return NodeRecord(
            node=self.name,
            version=VERSION,
            node_status=self._status(),
            otp_release=facts.RUNTIME,
            uptime_s=self._uptime_s(),
            connections=len(core.cm.channels),
            live_connections=core.cm.live,
            load1=load1,
            load5=load5,
            load15=load15,
            max_fds=facts.max_fds(),
            memory_total_bytes=memory_total,
            memory_used_bytes=memory_used,
            process_available=facts.max_fds(),
            process_used=core.cm.live + facts.threads(),
            waiting_to_send=self._broker.flusher.waiting if self._broker.flusher else 0,
        )

    def metrics(self) -> dict[str, int]:
        """Return every counter."""
        return self._broker.core.metrics.snapshot()

    def stats(self) -> dict[str, int]:
        """Return every gauge with its peak."""
        return self._broker.stats.snapshot()

    def listeners(self) -> list[ListenerRecord]:
        """Return the MQTT and HTTP listeners."""
        mqtt = [listener.record() for listener in self._broker.listeners]
        return mqtt + self._http_listeners.records()

    def activated_alarms(self) -> Sequence[AlarmRecord]:
        """Return the alarms that are active."""
        return self._broker.core.alarms.activated()

    def deactivated_alarms(self) -> Sequence[AlarmRecord]:
        """Return the past alarms that are still kept."""
        return self._broker.core.alarms.deactivated()

    # -- lists, on the loop --------------------------------------------------------------------

    async def _counted(
        self, read: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._pager.budget.counted(read(*args, **kwargs))

    def clients(self, query: ClientQuery, page: PageRequest, row: ClientRow) -> RowsPage:
        """Return one page of the clients that fit."""
        return self._thread.run(self._counted(self._clients, query, page, row))

    async def _clients(self, query: ClientQuery, page: PageRequest, row: ClientRow) -> RowsPage:
        record = self._record_for(page)
        if is_empty(query):
            return await self._all_clients(page, record, row)
        channels = await self._channels(query.clientid)
        if query == CONNECTED and page.counted:
            return await connected_page(self._pager, channels, page, record, row)
        if query.sort is not None:
            return await self._sorted_clients(channels, query, page, row)
        if page.counted:
            channels = await self._pager.matching(channels, client_test(query))
            return await self._pager.page(channels, page, record, row)
        return await self._pager.filtered(channels, page, client_test(query), record, row)

    async def _all_clients(
        self, page: PageRequest, record: Callable[[ManagedChannel], ClientRecord], row: ClientRow
    ) -> RowsPage:
        async with self._pager.budget:
            channels = self._broker.core.cm.channels
            total = len(channels)
            shown = cut(channels, page.start, page.limit)
        made = await self._pager.page(shown, PageRequest(1, page.limit), record, row)
        return RowsPage(made.rows, total, total > page.end)

    def _record_for(self, page: PageRequest) -> Callable[[ManagedChannel], ClientRecord]:
        return partial(client_record, self.name, with_idle=page.limit <= ROWS_WITH_IDLE)

    async def _sorted_clients(
        self,
        channels: list[ManagedChannel],
        query: ClientQuery,
        page: PageRequest,
        row: ClientRow,
    ) -> RowsPage:
        narrowed = replace(query, sort=None)
        if not is_empty(narrowed):
            channels = await self._pager.matching(channels, client_test(narrowed))
        count = min(page.end + 1, SORTED_MAX_ROWS)
        largest = Largest(channels, count, SORTED[query.sort or ""])
        await self._pager.look_through(range(len(channels)), largest.look_at)
        async with self._pager.budget:
            found = largest.found()
        made = await self._pager.page(found, page, partial(client_record, self.name), row)
        return RowsPage(made.rows, len(channels), made.hasnext)

    async def _channels(self, clientid: str | None) -> list[ManagedChannel]:
        """Return a snapshot of the channels: of one client, or of all."""
        cm = self._broker.core.cm
        if clientid is None:
            # With a large fleet this alone takes as long as some slices.
            async with self._pager.budget:
                return list(cm.channels.values())
        channel = cm.get(clientid)
        return [] if channel is None else [channel]

    def subscriptions(
        self, query: SubscriptionQuery, page: PageRequest, row: SubscriptionRow
    ) -> RowsPage:
        """Return one page of the subscriptions that fit."""
        return self._thread.run(self._counted(self._subscriptions, query, page, row))

    async def _subscriptions(
        self, query: SubscriptionQuery, page: PageRequest, row: SubscriptionRow
    ) -> RowsPage:
        core = self._broker.core
        channels = await self._channels(query.clientid)
        if is_empty(query):
            total = core.subscriptions.count
            return await page_of_all(self._pager, self.name, channels, page, row, total)
        return await filtered_page(self._pager, self.name, channels, query, page, row)

    def routes(self, page: PageRequest, row: RouteRow) -> RowsPage:
        """Return one page of the routes."""
        return self._thread.run(self._counted(self._routes, page, row))

    async def _routes(self, page: PageRequest, row: RouteRow) -> RowsPage:
        async with self._pager.budget:
            filters = self._broker.core.router.filters()
        return await self._pager.page(filters, page, self._route_record, row)

    def _route_record(self, topic_filter: str) -> RouteRecord:
        return RouteRecord(topic_filter, self.name)

    def client(self, clientid: str, row: ClientRow) -> bytes:
        """Return a client's row, or nothing."""
        return self._thread.call(self._client, clientid, row)

    def _client(self, clientid: str, row: ClientRow) -> bytes:
        channel = self._broker.core.cm.get(clientid)
        if channel is None:
            return b""
        return encode_now([row(client_record(self.name, channel))])

    def clients_of_user(self, username: str, row: ClientRow) -> bytes:
        """Return the rows of a user's clients."""
        query = ClientQuery(username=username)
        page = PageRequest(1, len(self._broker.core.cm.channels) + 1)
        return self.clients(query, page, row).rows

    def subscriptions_of(self, clientid: str, row: SubscriptionRow) -> bytes:
        """Return the rows of a client's subscriptions."""
        return self._thread.run(self._counted(self._subscriptions_of, clientid, row))

    async def _subscriptions_of(self, clientid: str, row: SubscriptionRow) -> bytes:
        channel = self._broker.core.cm.get(clientid)
        if channel is None:
            return b""
        return await all_of_client(self._pager, self.name, channel, row)

    def route(self, topic: str, row: RouteRow) -> bytes:
        """Return the row of exactly this filter, or nothing."""
        return self._thread.call(self._route, topic, row)

    def _route(self, topic: str, row: RouteRow) -> bytes:
        if topic not in self._broker.core.router:
            return b""
        return encode_now([row(self._route_record(topic))])

    # -- commands ------------------------------------------------------------------------------

    def kick(self, clientid: str) -> bool:
        """End a client's connection and session; False where there is none."""
        return self._thread.call(self._broker.kick, clientid)

    def publish(self, commands: Sequence[PublishCommand]) -> list[str]:
        """Publish in order; return the message ids when what has to be kept of the messages is safe."""
        ids, mark = self._thread.call(self._publish, commands)
        if mark:
            self._thread.run(until_safe(self._broker.core.storage, mark))
        return ids

    def _publish(self, commands: Sequence[PublishCommand]) -> tuple[list[str], int]:
        # What rules and bridges keep on disk stands before the node's own storage.
        storage = self._broker.core.storage
        before = storage.mark
        now_ms = self._clock.wall_ms()
        ids = []
        for command in commands:
            properties: Properties = NO_PROPERTIES
            if command.properties:
                properties = dict(command.properties)  # type: ignore[assignment]
            message = Message(
                command.topic,
                command.payload,
                command.qos,
                command.retain,
                now_ms,
                clientid=command.clientid,
                properties=properties,
            )
            self._broker.publish(message)
            ids.append(message.id)
        after = storage.mark
        return ids, after if after != before and after > storage.safe else 0

    def subscribe(self, clientid: str, filters: Sequence[SubscribeCommand]) -> bool:
        """Subscribe a client as if it had asked; False where there is none."""
        wanted = [SubscribeFilter(command.topic_filter, command.qos) for command in filters]
        return self._thread.call(self._broker.subscribe, clientid, wanted)

    def unsubscribe(self, clientid: str, topic_filters: Sequence[str]) -> bool:
        """Unsubscribe a client as if it had asked; False where there is none."""
        return self._thread.call(self._broker.unsubscribe, clientid, topic_filters)

    def settings_changed(self) -> None:
        """Have what the broker concluded from its settings concluded anew."""
        if self._thread.is_alive:
            self._thread.call(self._broker.core.renew_express)

    def ban(self, record: BanRecord) -> None:
        """Keep somebody out, and put out who is in."""
        self._thread.call(self._broker.ban, record)

    def made_bans(self) -> deque[BanRecord]:
        """Return the bans that the broker has made by itself; whoever keeps one takes it from the left."""
        return self._broker.core.banned.made

    def unban(self, kind: str, who: str) -> None:
        """Let somebody in again."""
        self._thread.call(self._broker.unban, kind, who)

    def deactivate_alarm(self, name: str) -> bool:
        """End an alarm; False where it is not active."""
        return self._thread.call(self._broker.core.alarms.deactivate, name)

    def delete_deactivated_alarms(self) -> None:
        """Forget the past alarms."""
        self._thread.call(self._broker.core.alarms.delete_deactivated)


def tame_collector() -> None:
    """Make the garbage collector's stalls rare: with a fleet of sessions a full collection takes tens of ms.

    What the imports made lives as long as the process and need not be looked at again. Closed connections break
    their own cycles, so that little is left for the collector to find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
