"""Clients that keep books of what they were promised, for tests that kill the node under them.

Every client has a session that outlives its connection, comes back as soon as the node is there, and goes on where it
stood, as MQTT wants it from clients. What they note is outside of the node, so it can be held against the node.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

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
    Will,
)
from tests.harness.mqtt_client import ClosedByBrokerError, MqttClient

FOR_EVER: Final = {"session_expiry_interval": 0xFFFF_FFFF}
PATIENCE_S: Final = 60.0
WINDOW: Final = 8
TICK_S: Final = 0.05


class Keeper(threading.Thread):
    """A client that comes back until it is told to stop."""

    def __init__(self, address: tuple[str, int], clientid: str) -> None:
        super().__init__(name=clientid, daemon=True)
        self.address = address
        self.clientid = clientid
        self.stopping = threading.Event()
        self.failures: list[str] = []
        self.connections = 0
        self.will: Will | None = None

    def run(self) -> None:
        while not self.is_done():
            try:
                with MqttClient(self.address, MQTT_5) as client:
                    self._stay(client)
            except (OSError, ClosedByBrokerError, TimeoutError):
                time.sleep(TICK_S)
            except AssertionError as error:
                self.failures.append(f"{self.clientid}: {error}")
                return

    def _stay(self, client: MqttClient) -> None:
        answer = client.connect(
            self.clientid, clean_start=False, properties=FOR_EVER, will=self.will
        )
        assert answer.reason_code == 0, answer
        if self.connections:
            assert answer.session_present, "the node has forgotten the session"
        self.connections += 1
        self.begin(client)
        while not self.is_done():
            self.goes_on(client)
            try:
                self.takes(client, client.receive(TICK_S))
            except TimeoutError:
                continue

    def is_done(self) -> bool:
        return self.stopping.is_set()

    def begin(self, client: MqttClient) -> None:
        """Do what comes first on a new connection."""

    def goes_on(self, client: MqttClient) -> None:
        """Do what is due."""

    def takes(self, client: MqttClient, packet: Packet) -> None:
        """Obey a packet."""


class Publisher(Keeper):
    """Publishes 1, 2, 3 … on one topic, and notes what was acknowledged."""

    def __init__(
        self, address: tuple[str, int], topic: str, qos: int, *, retain: bool = False
    ) -> None:
        super().__init__(address, f"publisher of {topic}")
        self.topic = topic
        self.qos = qos
        self.retain = retain
        self.count = 0
        self.acknowledged: list[int] = []
        self._open: dict[int, tuple[int, bool]] = {}
        """Packet id: (number, PUBREC came)."""

    def is_done(self) -> bool:
        return self.stopping.is_set() and not self._open

    def begin(self, client: MqttClient) -> None:
        for packet_id, (number, released) in self._open.items():
            if released:
                client.send(Pubrel(packet_id))
            else:
                client.send(self._publish(packet_id, number, dup=True))

    def goes_on(self, client: MqttClient) -> None:
        while len(self._open) < WINDOW and not self.stopping.is_set():
            self.count += 1
            packet_id = self.count % 60_000 + 1
            self._open[packet_id] = (self.count, False)
            client.send(self._publish(packet_id, self.count, dup=False))

    def takes(self, client: MqttClient, packet: Packet) -> None:
        if isinstance(packet, Pubrec):
            number, _ = self._open[packet.packet_id]
            self._open[packet.packet_id] = (number, True)
            client.send(Pubrel(packet.packet_id))
        elif isinstance(packet, Puback | Pubcomp):
            number, _ = self._open.pop(packet.packet_id)
            self.acknowledged.append(number)

    def _publish(self, packet_id: int, number: int, *, dup: bool) -> Publish:
        payload = b"%d" % number
        return Publish(self.topic, payload, self.qos, self.retain, dup=dup, packet_id=packet_id)


class Subscriber(Keeper):
    """Notes what it is sent, by topic, QoS 2 once for each packet id as MQTT wants it."""

    def __init__(self, address: tuple[str, int], topic_filter: str) -> None:
        super().__init__(address, f"subscriber to {topic_filter}")
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

    def _takes_publish(self, client: MqttClient, packet: Publish) -> None:
        packet_id = packet.packet_id or 0
        if packet.qos < 2 or packet_id not in self._unreleased:
            self.received.setdefault(packet.topic, []).append(int(packet.payload))
        if packet.qos == 1:
            client.send(Puback(packet_id))
        elif packet.qos == 2:
            self._unreleased.add(packet_id)
            client.send(Pubrec(packet_id))


class Ledger:
    """Publishers and a subscriber on one node, and what they make of it in the end."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.subscriber = Subscriber(address, "crash/#")
        self.publishers = [
            Publisher(address, "crash/one", 1),
            Publisher(address, "crash/two", 2),
            Publisher(address, "state/kept", 1, retain=True),
        ]
        self.wills = 0

    @property
    def acknowledged(self) -> int:
        """How many messages were acknowledged so far."""
        return sum(len(publisher.acknowledged) for publisher in self.publishers)

    def start(self) -> None:
        self.subscriber.start()
        wait_for(self.subscriber.is_subscribed.is_set, "the subscription", self)
        for publisher in self.publishers:
            publisher.start()

    def waits_for_more(self, count: int) -> None:
        """Let so many more messages be acknowledged."""
        until = self.acknowledged + count
        wait_for(lambda: self.acknowledged >= until, f"{count} acknowledgements", self)

    def leaves_a_will(self) -> MqttClient:
        """Connect a client whose will is due when the node is killed."""
        self.wills += 1
        will = Will("crash/will", b"%d" % self.wills, 2, False)
        client = MqttClient(self.address, MQTT_5)
        client.connect(f"mourned {self.wills}", clean_start=False, properties=FOR_EVER, will=will)
        return client

    def check_retained(self) -> None:
        """Require that what is retained is what was acknowledged last, or newer."""
        publisher = self.publishers[2]
        last = publisher.acknowledged[-1] if publisher.acknowledged else 0
        with MqttClient(self.address, MQTT_5) as client:
            client.connect("reader")
            client.subscribe(publisher.topic, 0)
            packet = client.receive()
            assert isinstance(packet, Publish)
            assert int(packet.payload) >= last, f"retained {packet.payload!r}, acknowledged {last}"

    def settle(self) -> None:
        """Let everybody finish, and hold the books against each other.

        Raises:
            AssertionError: the node has broken a promise; the text says which.
        """
        for publisher in self.publishers:
            publisher.stopping.set()
            publisher.join(PATIENCE_S)
            assert not publisher.is_alive(), f"{publisher.name} was never acknowledged everything"
        one, two, _ = self.publishers
        wait_for(self._has_all, "everything that was acknowledged", self)
        self.subscriber.stopping.set()
        self.subscriber.join(PATIENCE_S)
        self.raise_failures()
        received = self.subscriber.received
        first_of_each = list(dict.fromkeys(received[one.topic]))
        assert first_of_each == sorted(first_of_each), "QoS 1 came out of order"
        assert received[two.topic] == list(range(1, two.count + 1)), surprise(received[two.topic])
        wills = received.get("crash/will", [])
        assert sorted(wills) == list(range(1, self.wills + 1)), f"wills: {wills}"

    def _has_all(self) -> bool:
        one, two, _ = self.publishers
        received = self.subscriber.received
        return (
            set(one.acknowledged) <= set(received.get(one.topic, ()))
            and set(two.acknowledged) <= set(received.get(two.topic, ()))
            and len(set(received.get("crash/will", ()))) >= self.wills
        )

    def raise_failures(self) -> None:
        """Raise what went wrong in a client's thread."""
        failures = [text for one in (self.subscriber, *self.publishers) for text in one.failures]
        assert not failures, failures


def surprise(received: list[int]) -> str:
    """Say where a row of numbers is not 1, 2, 3 …"""
    for at, number in enumerate(received, 1):
        if at != number:
            return f"QoS 2: behind {received[max(0, at - 4) : at - 1]} came {received[at - 1 : at + 3]}"
    return f"QoS 2: ended with {received[-1:]}"


def wait_for(condition: Callable[[], object], what: str, ledger: Ledger) -> None:
    """Wait until something is true, or a client has failed."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        ledger.raise_failures()
        assert time.monotonic() < until, f"{what} did not come within {PATIENCE_S} s"
        time.sleep(TICK_S)
