"""Clients that keep books of what they were promised, for tests that kill the node under them.

Each comes back as soon as the node is there and goes on where it stood, as MQTT wants it from clients. Now and then
one loses its connection, or connects anew while the old connection is still there. What they note is outside of the
node, so it can be held against the node.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from typing import ClassVar, Final, Protocol

from app.mqtt.packets import (
    MQTT_5,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscribeFilter,
)
from app.mqtt.properties import NO_PROPERTIES, Properties
from tests.harness.mqtt_client import ClosedByBrokerError, MqttClient

FOR_EVER: Final[Properties] = {"session_expiry_interval": 0xFFFF_FFFF}
WINDOW: Final = 8
TICK_S: Final = 0.05
REFUSED: Final = 0x80
"""Reason codes from here on say no."""
A_MOVE: Final = 1 / 400
"""How many of a client's ticks end its connection; half of them after the next one is made."""


def pause(seconds: float) -> None:
    """Let others work: here nothing is waited for that could be asked about."""
    time.sleep(seconds)  # noqa: TID251 - a thread of its own


class House(Protocol):
    """The node, as its clients see it."""

    incarnation: int

    def address(self, listener: str = "tcp") -> tuple[str, int]:
        """Return where MQTT is served."""


class Client(threading.Thread):
    """A client that comes back until it is told to stop."""

    listener = "tcp"
    properties: ClassVar[Properties] = FOR_EVER

    def __init__(self, house: House, clientid: str, chance: random.Random) -> None:
        super().__init__(name=clientid, daemon=True)
        self.house = house
        self.clientid = clientid
        self.chance = chance
        self.stopping = threading.Event()
        self.failures: list[str] = []
        self.connections = 0
        self.here_in = 0
        """The incarnation of the node that this client is connected to."""
        self._left_open: list[MqttClient] = []

    def run(self) -> None:
        while not self.is_done():
            try:
                self._come()
            except (OSError, ClosedByBrokerError, TimeoutError):
                pause(TICK_S)
            except AssertionError as error:
                self.failures.append(f"{self.clientid}: {error}")
                break
            finally:
                self.here_in = 0
        self._close_what_was_left()

    def is_done(self) -> bool:
        return self.stopping.is_set()

    def begin(self, client: MqttClient) -> None:
        """Do what comes first on a new connection."""

    def goes_on(self, client: MqttClient) -> None:
        """Do what is due."""

    def takes(self, client: MqttClient, packet: Packet) -> None:
        """Obey a packet."""

    def _come(self) -> None:
        incarnation = self.house.incarnation
        client = MqttClient(self.house.address(self.listener), MQTT_5)
        self._left_open.append(client)
        answer = client.connect(self.clientid, clean_start=False, properties=self.properties)
        assert answer.reason_code == 0, answer
        self._close_what_was_left(but=client)
        if self.connections:
            assert answer.session_present, "the node has forgotten the session"
        self.connections += 1
        if self.house.incarnation == incarnation:
            self.here_in = incarnation
        self.begin(client)
        while not self.is_done():
            self.goes_on(client)
            with contextlib.suppress(TimeoutError):
                self.takes(client, client.receive(TICK_S))
            if self.chance.random() < A_MOVE:
                if self.chance.random() < 0.5:
                    self._close_what_was_left()
                return

    def _close_what_was_left(self, but: MqttClient | None = None) -> None:
        for client in self._left_open:
            if client is not but:
                client.close()
        self._left_open = [] if but is None else [but]


class Publisher(Client):
    """Publishes 1, 2, 3 … on one topic, and notes what was acknowledged, and when."""

    def __init__(
        self,
        house: House,
        chance: random.Random,
        topic: str,
        qos: int,
        *,
        pause_s: float = 0.0,
        properties: Properties = NO_PROPERTIES,
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(house, f"publisher of {topic}", chance)
        self.topic = topic
        self.qos = qos
        self.count = 0
        self.acknowledged: dict[int, float] = {}
        """Number: wall time of the acknowledgement."""
        self._pause_s = pause_s
        self._message_properties = properties
        self._may = may
        self._next_at_s = 0.0
        self._open: dict[int, tuple[int, bool]] = {}
        """Packet id: (number, PUBREC came)."""

    def is_done(self) -> bool:
        return self.stopping.is_set() and not self._open

    def begin(self, client: MqttClient) -> None:
        incarnation = self.house.incarnation
        while not self._may():
            if self.house.incarnation != incarnation:
                raise TimeoutError
            pause(TICK_S)
        for packet_id, (number, released) in self._open.items():
            if released:
                client.send(Pubrel(packet_id))
            else:
                client.send(self._publish(packet_id, number, dup=True))

    def goes_on(self, client: MqttClient) -> None:
        while (
            len(self._open) < WINDOW
            and not self.stopping.is_set()
            and time.monotonic() >= self._next_at_s
            and self._may()
        ):
            self._next_at_s = time.monotonic() + self._pause_s
            self.count += 1
            packet_id = self.count % 60_000 + 1
            if self.qos:
                self._open[packet_id] = (self.count, False)
            client.send(self._publish(packet_id, self.count, dup=False))

    def takes(self, client: MqttClient, packet: Packet) -> None:
        if isinstance(packet, Pubrec):
            assert packet.reason_code < REFUSED, packet
            number, _ = self._open[packet.packet_id]
            self._open[packet.packet_id] = (number, True)
            client.send(Pubrel(packet.packet_id))
        elif isinstance(packet, Puback | Pubcomp):
            # PUBCOMP may say that the id is not known any more: the first one was lost on its way.
            assert isinstance(packet, Pubcomp) or packet.reason_code < REFUSED, packet
            number, _ = self._open.pop(packet.packet_id)
            self.acknowledged[number] = time.time()

    def _publish(self, packet_id: int, number: int, *, dup: bool) -> Publish:
        return Publish(
            self.topic,
            b"%d" % number,
            self.qos,
            dup=dup,
            packet_id=packet_id if self.qos else None,
            properties=self._message_properties,
        )


class Subscriber(Client):
    """Notes what it is sent, by topic, QoS 2 once for each packet id as MQTT wants it."""

    def __init__(
        self, house: House, chance: random.Random, topic_filter: str, number: int = 1
    ) -> None:
        super().__init__(house, f"subscriber {number} to {topic_filter}", chance)
        self.topic_filter = topic_filter
        self.is_subscribed = threading.Event()
        self.received: dict[str, list[int]] = {}
        self._unreleased: set[int] = set()

    def begin(self, client: MqttClient) -> None:
        if not self.is_subscribed.is_set():
            client.send(Subscribe(1, (SubscribeFilter(self.topic_filter, 2),)))

    def takes(self, client: MqttClient, packet: Packet) -> None:
        if isinstance(packet, Suback):
            self.is_subscribed.set()
        elif isinstance(packet, Publish):
            self._takes_publish(client, packet)
        elif isinstance(packet, Pubrel):
            self._unreleased.discard(packet.packet_id)
            client.send(Pubcomp(packet.packet_id))

    def notes(self, packet: Publish) -> None:
        """Keep a message that is new."""
        self.received.setdefault(packet.topic, []).append(int(packet.payload))

    def _takes_publish(self, client: MqttClient, packet: Publish) -> None:
        packet_id = packet.packet_id or 0
        if packet.qos < 2 or packet_id not in self._unreleased:
            self.notes(packet)
        if packet.qos == 1:
            client.send(Puback(packet_id))
        elif packet.qos == 2:
            self._unreleased.add(packet_id)
            client.send(Pubrec(packet_id))


class SlowSubscriber(Subscriber):
    """Takes two at a time and thinks about each, so that its queue is always full."""

    listener = "narrow"
    properties: ClassVar[Properties] = {**FOR_EVER, "receive_maximum": 2}
    THINKS_S: Final = 0.004

    def notes(self, packet: Publish) -> None:
        super().notes(packet)
        pause(self.THINKS_S)


class RareSubscriber(Subscriber):
    """Is away more than it is there; what has expired meanwhile must not come any more."""

    AT_MOST_AWAY_S: Final = 3.0
    AT_MOST_HERE_S: Final = 0.5

    def __init__(self, house: House, chance: random.Random, topic_filter: str) -> None:
        super().__init__(house, chance, topic_filter)
        self.publisher: Publisher | None = None
        self.lives_s = 0.0
        self._came_at_s = 0.0
        self._stays_until_s = 0.0

    def begin(self, client: MqttClient) -> None:
        super().begin(client)
        self._stays_until_s = time.monotonic() + self.chance.random() * self.AT_MOST_HERE_S

    def _come(self) -> None:
        self._came_at_s = time.time()
        super()._come()

    def goes_on(self, client: MqttClient) -> None:
        if time.monotonic() > self._stays_until_s and self.is_subscribed.is_set():
            self._close_what_was_left()
            self.stopping.wait(self.chance.random() * self.AT_MOST_AWAY_S)
            raise TimeoutError

    def _takes_publish(self, client: MqttClient, packet: Publish) -> None:
        assert self.publisher is not None
        acknowledged_at_s = self.publisher.acknowledged.get(int(packet.payload))
        if acknowledged_at_s is not None and not packet.dup:
            late_s = self._came_at_s - acknowledged_at_s - self.lives_s
            assert late_s < 0, f"{packet.payload!r} came {late_s:.3f} s after it had expired"
        super()._takes_publish(client, packet)
