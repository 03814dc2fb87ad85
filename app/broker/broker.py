"""The broker: its parts wired together and driven by one event loop. It holds no protocol logic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from typing import Any

from app.broker.access_control import AccessControl, acl_cache_limits
from app.broker.admission import Admission
from app.broker.banned import Banned, is_network
from app.broker.channel import subscribe
from app.broker.client_story import ClientStory
from app.broker.cm import ChannelManager, ManagedChannel
from app.broker.core import BrokerCore
from app.broker.flusher import Flusher
from app.broker.hooks import Hooks
from app.broker.keeper import Keeper
from app.broker.listener import Listener
from app.broker.listener_mon import ListenerMonitor
from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.os_mon import Machine, OsMonitor
from app.broker.ports import NO_STORAGE, StoragePort
from app.broker.records import BanRecord
from app.broker.retained import RetainedStore
from app.broker.router import Router
from app.broker.shared_sub import SharedSubscriptions
from app.broker.stats import Stats
from app.broker.subscriptions import Subscriptions
from app.broker.sys_topics import SysTopics
from app.broker.sysmon import SysMonitor
from app.broker.timers import RESOLUTION_S, TimerWheel
from app.clock import Clock
from app.compiled_form import FORM
from app.config import BrokerConfig
from app.mqtt.packets import SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.service_manager import Held

logger = logging.getLogger(__name__)

STATS_EVERY_S = 1.0
CLOSE_SLICE = 500
"""Connections closed before other work gets a turn."""
LAST_WORD_S = 1.0
"""How long a peer may take to answer the end of TLS; many never do."""


class Broker:
    """One node's broker. All methods must be called on its loop."""

    def __init__(
        self, config: BrokerConfig, clock: Clock, storage: StoragePort = NO_STORAGE
    ) -> None:
        """Make the parts; `start` opens the listeners."""
        self.config = config
        self.clock = clock
        hooks = Hooks(self._in_time)
        metrics = Metrics()
        router = Router(merge_overlapping=config.mqtt.merge_overlapping)
        timers = TimerWheel(clock.monotonic_s())
        shared = SharedSubscriptions(router, config)
        subscriptions = Subscriptions(router, shared)
        self._tasks: set[asyncio.Task[None]] = set()
        self.core = BrokerCore(
            config=config,
            clock=clock,
            hooks=hooks,
            metrics=metrics,
            timers=timers,
            router=router,
            shared=shared,
            subscriptions=subscriptions,
            retained=RetainedStore(config.retainer, metrics, clock),
            banned=Banned(clock),
            access=AccessControl(
                hooks,
                config,
                metrics,
                clock,
                allow_unmatched=config.acl_nomatch == "allow",
                cache=acl_cache_limits(config),
            ),
            cm=ChannelManager(hooks, metrics, clock, timers, subscriptions),
            spawn=self._spawn,
            storage=storage,
        )
        self.stats = Stats(self.core)
        self.story = ClientStory(self.core)
        self.story.start()
        self._sysmon = SysMonitor(self.core)
        self.listeners: list[Listener] = []
        self.held_sockets: Held = {}
        """Listening sockets that stay open when this process ends; set before the start."""
        self.flusher: Flusher | None = None
        self.running = False

    # -- life ----------------------------------------------------------------------------------

    async def start(self, bans: Iterable[BanRecord] = ()) -> None:
        """Open every listener.

        Raises:
            OSError: an address cannot be used; what was opened is closed again.
        """
        self.core.banned.load(bans)
        Keeper(self.core).begin()
        core = self.core
        loop = asyncio.get_running_loop()
        self.flusher = flusher = Flusher(loop, core.clock)
        admission = Admission(loop, core.clock, self.config, core.metrics)
        self.listeners = [
            Listener(config, core, flusher, admission, self.held_sockets.get(config.key, ()))
            for config in self.config.listeners
        ]
        try:
            for listener in self.listeners:
                await listener.start()
        except OSError:
            for listener in self.listeners:
                listener.stop_accepting()
            raise
        self.running = True
        logger.info(FORM.sentence())
        self._spawn(self._drive_timers())
        self.core.keep_express_fresh()
        self._spawn(self._note_stats())
        SysTopics(self.core, self.stats).start()
        self.core.retained.keep_swept(self.core.after)
        self.core.banned.keep_swept(self.core.after)
        machine = Machine()
        OsMonitor(self.core, machine).start()
        ListenerMonitor(self.core, self.listeners, machine).start()
        self._sysmon.start()

    async def stop(self, timeout_s: float) -> None:
        """Close everything: MQTT 5 clients are told 0x8B, then the sockets go."""
        self.running = False
        self._sysmon.stop()
        for listener in self.listeners:
            listener.stop_accepting()
            listener.lingers = False
        connections = [c for listener in self.listeners for c in listener.connections]
        for index, connection in enumerate(connections):
            channel = connection.channel
            channel.will = None  # the node goes, the client did not; nobody is left to be told
            channel.disconnect(ReasonCode.SERVER_SHUTTING_DOWN, "server_shutdown")
            connection.close()
            if index % CLOSE_SLICE == CLOSE_SLICE - 1:
                await asyncio.sleep(0)
        began_s = self.clock.monotonic_s()
        while any(listener.connections for listener in self.listeners):
            passed_s = self.clock.monotonic_s() - began_s
            if passed_s > timeout_s:
                break
            if passed_s > LAST_WORD_S:
                self._cut_off_silent()
            await asyncio.sleep(0.01)
        for listener in self.listeners:
            for connection in list(listener.connections):
                connection.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0)
        await self.core.storage.stop(timeout_s)

    def _cut_off_silent(self) -> None:
        """End the connections that have been sent everything and still are not closed."""
        for listener in self.listeners:
            for connection in list(listener.connections):
                if not connection.pending_bytes():
                    connection.abort()

    async def _drive_timers(self) -> None:
        now_s = self.clock.monotonic_s()
        while True:
            due_s = now_s + RESOLUTION_S
            await asyncio.sleep(RESOLUTION_S)
            now_s = self.clock.monotonic_s()
            self._sysmon.note_turn(now_s - due_s)
            self.core.timers.advance(now_s)

    async def _note_stats(self) -> None:
        while True:
            await asyncio.sleep(STATS_EVERY_S)
            self.stats.note()

    async def _in_time(self, point: str, answer: Awaitable[Any]) -> Any:
        """Wait for what a hook answers, no longer than the settings allow; what is late is cancelled."""
        try:
            async with asyncio.timeout(self.config.hook_timeout_s) as limit:
                found = await answer
            if limit.expired():
                raise TimeoutError  # it would not be cancelled, and answers too late all the same
        except TimeoutError:
            if limit.expired():
                self.core.metrics.count_hook_timeout(point)
            raise
        return found

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that nobody waits for, and keep it from being collected."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A background task failed", exc_info=task.exception())

    # -- commands ------------------------------------------------------------------------------

    def publish(self, message: Message) -> int:
        """Publish in nobody's name; returns how many receivers took it."""
        self.core.metrics.messages_received[message.qos] += 1
        return self.core.publish(message)

    async def restart_listener(self, identifier: str) -> None:
        """Close a listener's sockets and open them again; its connections stay.

        Args:
            identifier: EMQX's name, `mqtt:tcp:external`; may stand for several addresses.

        Raises:
            KeyError: there is none.
            OSError: an address cannot be used now; an alarm will say so until it can.
        """
        found = [one for one in self.listeners if one.config.identifier == identifier]
        if not found:
            raise KeyError(identifier)
        for listener in found:
            listener.stop_accepting()
        failures: list[OSError] = []
        for listener in found:
            try:
                await listener.start()
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def kick(self, clientid: str) -> bool:
        """End a client's connection and session; False where there is none."""
        return self.core.cm.kick(clientid)

    def subscribe(self, clientid: str, filters: Sequence[SubscribeFilter]) -> bool:
        """Subscribe a client as if it had asked; False where there is none."""
        channel = self.core.cm.get(clientid)
        if channel is None or channel.session is None:
            return False
        for wanted in subscribe.wanted_filters(self.core, channel.client, filters):
            if subscribe.check_filter(self.core, wanted) is ReasonCode.SUCCESS:
                _, due = subscribe.add_subscription(
                    self.core, channel.client, channel.session, wanted, None
                )
                if due is not None:
                    self.core.replays.begin(due)
        return True

    def unsubscribe(self, clientid: str, topic_filters: Sequence[str]) -> bool:
        """Unsubscribe a client as if it had asked; False where there is none."""
        channel = self.core.cm.get(clientid)
        if channel is None or channel.session is None:
            return False
        for topic_filter in subscribe.unwanted_filters(self.core, channel.client, topic_filters):
            subscribe.remove_subscription(self.core, channel.client, channel.session, topic_filter)
        return True

    def ban(self, record: BanRecord) -> None:
        """Keep somebody out, and out of the house who is in it."""
        self.core.banned.add(record)
        for channel in self._meant_by(record):
            banned = self.core.banned.find(channel.client)
            if banned is record and channel.client.zone.enable_ban and channel.is_connected:
                # As EMQX kicks: 0x8A is for CONNACK only (MQTT 5, table 2-6).
                self.core.cm.kick(channel.client.clientid)

    def _meant_by(self, record: BanRecord) -> list[ManagedChannel]:
        channels = self.core.cm.channels
        if record.kind == "clientid":
            channel = channels.get(record.who)
            return [] if channel is None else [channel]
        if record.kind == "username":
            return [c for c in channels.values() if c.client.username == record.who]
        if is_network(record.kind, record.who):
            return list(channels.values())
        return [c for c in channels.values() if c.client.peerhost == record.who]

    def unban(self, kind: str, who: str) -> None:
        """Let somebody in again."""
        self.core.banned.remove(kind, who)
