"""One bridge: what is published here goes there, what is published there comes here.

Theory: going there it is a subscriber of this broker with a queue, from which messages leave in order, each until the
other broker has taken it. Coming here it is a client of the other broker; a message is published, and what is kept of
it is on disk, before it is acknowledged. Messages do not go in circles: what a bridge brings it does not take back,
the other broker is asked not to return what we sent it (No Local), and with MQTT 5 each message tells which nodes it
has been sent on by.

It knows neither parameters nor who starts it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from app.broker.core import BrokerCore
from app.broker.message import Message, forwarded
from app.broker.router import SubOptions
from app.mqtt.packets import MQTT_5, Publish
from app.mqtt.properties import Properties
from app.mqtt.topic import MAX_TOPIC_BYTES, matches, split_share
from app.plugins.bridge_mqtt.promises import Promises
from app.plugins.bridge_mqtt.queue import DiskQueue, MemoryQueue, Queue, Waiting
from app.plugins.bridge_mqtt.settings import BridgeSettings
from app.rules.complaints import Complaints
from app.rules.errors import ActionFailed, TryAgain
from app.rules.outbox.gate import close_gate
from app.rules.publish_properties import left_of
from app.rules.resources.mqtt_client import ClientOptions, MqttClient
from app.rules.resources.mqtt_inbound import Receiver

logger = logging.getLogger(__name__)

SENT, RECEIVED = "bridge.mqtt.message_sent_to_remote", "bridge.mqtt.message_received_from_remote"
VIA = "godwit-bridged-by"
"""The user property with the name of a node that has sent a message on; one for each."""
_LONGEST_CHARACTER_BYTES = 4
_EVERYTHING = SubOptions(qos=2)


@dataclass(slots=True)
class Counts:
    """What became of messages."""

    sent: int = 0
    received: int = 0
    dropped: int = 0
    """There was no room in the queue, or the topic would have been too long."""
    expired: int = 0
    """While they waited."""
    refused: int = 0
    """By the other broker."""
    looped: int = 0
    """They had been here before."""


class Bridge:
    """A bridge. To be used on the loop."""

    taker = None
    """It has no connection here that bytes could be put on."""
    log = None
    """Its queue sees to what is to survive."""

    def __init__(
        self,
        settings: BridgeSettings,
        options: ClientOptions,
        core: BrokerCore,
        promises: Promises,
    ) -> None:
        """Be ready; `start` connects."""
        self.settings = settings
        self.counts = Counts()
        self.forwards = list(settings.forwards)
        self.subscriptions = dict(settings.subscriptions)
        self._options = options
        self._core = core
        self._node = core.config.node_name
        self._there = settings.mountpoint("forward", self._node)
        self._here = settings.mountpoint("receive", self._node)
        self._queue = _queue_of(settings, promises)
        if settings.queue_dir is not None:
            close_gate(core, promises)
        self._client: MqttClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._last: Message | None = None
        self._is_bringing = False
        self._complaints = Complaints(logger, f"The bridge {settings.name}")
        self._alarm = f"bridge/mqtt/{settings.name}/down"

    # -- life ----------------------------------------------------------------------------------

    @property
    def is_started(self) -> bool:
        """Tell whether it is to be connected."""
        return self._client is not None

    @property
    def is_connected(self) -> bool:
        """Tell whether it is."""
        return self._client is not None and self._client.is_connected

    def start(self) -> bool:
        """Begin to connect and to forward; False where it has begun already."""
        if self._client is not None:
            return False
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._queue.keep())
        receiver = Receiver(self._bring, lambda: self._core.storage)
        client = MqttClient(self._options, self._changed, receiver)
        self._client = client
        for topic_filter, qos in self.subscriptions.items():
            client.inbound.subscribe(topic_filter, qos)
        self._queue.rewind()
        # Timers run when the node is complete. Before that, what came would miss the sessions that are not back yet,
        # and the rules that are loaded later.
        self._core.after(0, partial(self._connect, client))
        self._run(self._send(client))
        for topic_filter in self.forwards:
            self._core.router.add(topic_filter, self, _EVERYTHING)
        return True

    def _connect(self, client: MqttClient) -> None:
        if client is self._client:
            self._run(client.run())

    def stop(self) -> bool:
        """Hang up, and forward nothing more; what waits goes on waiting. False where it is stopped already."""
        if self._client is None:
            return False
        for topic_filter in self.forwards:
            self._core.router.remove(topic_filter, self)
        client, self._client = self._client, None
        for task in self._tasks:
            task.cancel()
        client.disconnect()
        self._core.alarms.deactivate(self._alarm)
        self._last = None
        return True

    def close(self) -> None:
        """Stop for good; a queue on disk is written."""
        self.stop()
        if self._keeper is not None:
            self._keeper.cancel()
        self._queue.close()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _changed(self) -> None:
        if self._client is None:
            return
        if self._client.is_connected:
            self._core.alarms.deactivate(self._alarm)
        else:
            where = f"{self._options.host}:{self._options.port}"
            details = {"name": self.settings.name, "address": where}
            self._core.alarms.activate(
                self._alarm, f"The bridge {self.settings.name} is down", details
            )

    # -- what is bridged -------------------------------------------------------------------------

    def add_forward(self, topic_filter: str) -> None:
        """Forward what is published on a topic, until the bridge is made anew."""
        if topic_filter not in self.forwards:
            self.forwards.append(topic_filter)
            if self.is_started:
                self._core.router.add(topic_filter, self, _EVERYTHING)

    def del_forward(self, topic_filter: str) -> bool:
        """Forward it no more; False where it was not forwarded."""
        if topic_filter not in self.forwards:
            return False
        self.forwards.remove(topic_filter)
        self._core.router.remove(topic_filter, self)
        return True

    def add_subscription(self, topic_filter: str, qos: int) -> None:
        """Subscribe there, until the bridge is made anew."""
        self.subscriptions[topic_filter] = qos
        if self._client is not None:
            self._client.inbound.subscribe(topic_filter, qos)

    def del_subscription(self, topic_filter: str) -> bool:
        """Unsubscribe there; False where there was no such subscription."""
        if self.subscriptions.pop(topic_filter, None) is None:
            return False
        if self._client is not None:
            self._client.inbound.unsubscribe(topic_filter)
        return True

    # -- from here to there ------------------------------------------------------------------------

    def deliver(self, message: Message, options: SubOptions) -> bool:
        """Take a message that is to go there; False where it was dropped."""
        del options
        if message is self._last:
            # Another of our filters matches, too.
            return True
        self._last = message
        if self._is_bringing or self._has_been_here(message.properties):
            self.counts.looped += 1
            return True
        topic = self._there + message.topic
        packet = Publish(
            topic, message.payload, message.qos, message.retain, properties=message.properties
        )
        if _is_too_long(topic) or not self._queue.put(packet, message.timestamp_ms):
            self.counts.dropped += 1
            self._complaints.note("there is no room for a message")
            return False
        return True

    def _has_been_here(self, properties: Properties) -> bool:
        return bool(properties) and (VIA, self._node) in properties.get("user_property", ())

    async def _send(self, client: MqttClient) -> None:
        most = self.settings.given["batch_size"]
        while True:
            for one in await self._queue.take(most):
                packet = self._due(one)
                if packet is None:
                    self.counts.expired += 1
                    self._queue.settle(one)
                else:
                    await self._begin(client, packet, one)

    async def _begin(self, client: MqttClient, packet: Publish, one: Waiting) -> None:
        try:
            answer = await client.begin(packet)
        except ActionFailed as error:
            self._answered(one, error)
            return
        if answer is None:
            self._answered(one, None)
        else:
            answer.add_done_callback(partial(self._on_answer, one))

    def _on_answer(self, one: Waiting, answer: asyncio.Future[None]) -> None:
        if not answer.cancelled():
            self._answered(one, answer.exception())

    def _answered(self, one: Waiting, error: BaseException | None) -> None:
        if isinstance(error, TryAgain):
            # It stays in the queue, for the next time that the bridge is started.
            return
        if error is None:
            self.counts.sent += 1
            self._core.metrics.of_plugins[SENT] += 1
        else:
            self.counts.refused += 1
            self._complaints.note(error)
        self._queue.settle(one)

    def _due(self, one: Waiting) -> Publish | None:
        """Return a message as it is to be sent now; None where its time is over."""
        packet = one.packet
        properties = left_of(packet.properties, self._core.clock.wall_ms() - one.at_ms)
        if properties is None:
            return None
        if self._options.proto_ver == MQTT_5:
            pairs = [*properties.get("user_property", ()), (VIA, self._node)]
            properties = {**properties, "user_property": pairs}
        return Publish(
            packet.topic, packet.payload, packet.qos, packet.retain, properties=properties
        )

    # -- from there to here ------------------------------------------------------------------------

    def _bring(self, packet: Publish) -> None:
        if self._has_been_here(packet.properties):
            self.counts.looped += 1
            return
        topic = self._here + packet.topic
        if not self._is_wanted(packet.topic) or _is_too_long(topic):
            self.counts.dropped += 1
            return
        self.counts.received += 1
        self._core.metrics.of_plugins[RECEIVED] += 1
        message = Message(
            topic,
            packet.payload,
            packet.qos,
            packet.retain,
            self._core.clock.wall_ms(),
            self._options.clientid,
            properties=forwarded(packet.properties),
        )
        self._is_bringing = True
        try:
            self._core.publish(message)
        finally:
            self._is_bringing = False

    def _is_wanted(self, topic: str) -> bool:
        # The other broker may remember a subscription of ours that we have forgotten.
        return any(matches(topic, split_share(one)[1]) for one in self.subscriptions)

    # -- to look at --------------------------------------------------------------------------------

    def row(self) -> dict[str, object]:
        """Return what the API shows."""
        refused = set() if self._client is None else self._client.inbound.refused
        return {
            "name": self.settings.name,
            "status": "Running" if self.is_connected else "Stopped",
            "started": self.is_started,
            "address": f"{self._options.host}:{self._options.port}",
            "clientid": self._options.clientid,
            "forwards": list(self.forwards),
            "subscriptions": [
                {"topic": topic, "qos": qos, "refused": topic in refused}
                for topic, qos in self.subscriptions.items()
            ],
            "queued": self._queue.length,
            "queued_bytes": self._queue.bytes,
            **asdict(self.counts),
        }


def _queue_of(settings: BridgeSettings, promises: Promises) -> Queue:
    folder, given = settings.queue_dir, settings.given
    if folder is None:
        return MemoryQueue(given["queue.max_total_size"])
    return DiskQueue(
        folder / f"{settings.name}.sqlite",
        given["queue.max_total_size"],
        given["queue.replayq_seg_bytes"],
        promises,
    )


def _is_too_long(topic: str) -> bool:
    longest = MAX_TOPIC_BYTES // _LONGEST_CHARACTER_BYTES
    return len(topic) > longest and len(topic.encode()) > MAX_TOPIC_BYTES
