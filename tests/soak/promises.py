"""Clients that each know of one promise what must be there, and look whenever they have come back.

What was sent and never acknowledged may be there or not; what was acknowledged must be.
"""

from __future__ import annotations

import random
import time
from typing import Final

from app.mqtt.packets import (
    MQTT_5,
    Disconnect,
    Packet,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsuback,
    Unsubscribe,
)
from app.mqtt.properties import NO_PROPERTIES, Properties
from tests.harness.mqtt_client import ClosedByBrokerError, MqttClient
from tests.soak.clients import TICK_S, Client, House

DEADLINE_S: Final = 30.0
MARGIN_S: Final = 0.05
"""What clocks of milliseconds and of seconds may differ by."""


def comes(client: MqttClient) -> Packet:
    """Return what has to come.

    Raises:
        AssertionError: it did not.
    """
    try:
        packet = client.receive(DEADLINE_S)
    except TimeoutError:
        raise AssertionError(f"nothing came within {DEADLINE_S} s") from None
    if isinstance(packet, Disconnect):
        raise ClosedByBrokerError("the node says that it stops")
    return packet


class Retainer(Client):
    """Sets and clears retained messages, one after the other, and looks at all of them when it is back."""

    TOPICS: Final = [f"kept/{number}" for number in range(8)]
    LIVES_S: Final = 1

    def __init__(self, house: House, chance: random.Random) -> None:
        super().__init__(house, "retainer", chance)
        self.kept: dict[str, tuple[bytes, float]] = {}
        """What was acknowledged by topic: payload, and the wall time from when it must not be there any more."""
        self.changes = 0
        self._doubt: Publish | None = None
        self._rests_until_s = 0.0

    def begin(self, client: MqttClient) -> None:
        asked_at_s = time.time()
        client.send(Subscribe(1, (SubscribeFilter("kept/#", 0),)))
        found: dict[str, bytes] = {}
        must = self._must()
        until = time.monotonic() + DEADLINE_S
        has_answer = False
        while not has_answer or not must.keys() <= found.keys():
            assert time.monotonic() < until, f"retained is {found}, acknowledged was {must}"
            packet = comes(client)
            if isinstance(packet, Suback):
                has_answer = True
            elif isinstance(packet, Publish):
                found[packet.topic] = packet.payload
            # What expires while it is waited for may not come.
            must = self._must()
        client.send(Unsubscribe(2, ("kept/#",)))
        while not isinstance(packet := comes(client), Unsuback):
            assert isinstance(packet, Publish), packet
            found[packet.topic] = packet.payload
        for topic, payload in found.items():
            self._check(topic, payload, asked_at_s)
        if self._doubt is not None:
            client.send(self._doubt)

    def goes_on(self, client: MqttClient) -> None:
        if self._doubt is not None or time.monotonic() < self._rests_until_s:
            return
        self._rests_until_s = time.monotonic() + self.chance.random() * 2 * TICK_S
        self.changes += 1
        payload = b"" if self.chance.random() < 0.3 else b"%d" % self.changes
        lives = payload and self.chance.random() < 0.3
        properties: Properties = (
            {"message_expiry_interval": self.LIVES_S} if lives else NO_PROPERTIES
        )
        topic = self.chance.choice(self.TOPICS)
        self._doubt = Publish(topic, payload, 1, True, packet_id=1, properties=properties)
        client.send(self._doubt)

    def takes(self, client: MqttClient, packet: Packet) -> None:
        if isinstance(packet, Puback) and self._doubt is not None:
            said, self._doubt = self._doubt, None
            lives_s = said.properties.get("message_expiry_interval", float("inf"))
            self.kept[said.topic] = (said.payload, time.time() + lives_s + MARGIN_S)

    def _must(self) -> dict[str, bytes]:
        """Return what is certainly there."""
        return {
            topic: payload
            for topic, (payload, until_s) in self.kept.items()
            if payload
            and until_s == float("inf")
            and (self._doubt is None or self._doubt.topic != topic)
        }

    def _check(self, topic: str, payload: bytes, asked_at_s: float) -> None:
        known, until_s = self.kept.get(topic, (b"", float("inf")))
        if (
            self._doubt is not None
            and self._doubt.topic == topic
            and payload == self._doubt.payload
        ):
            return
        assert payload == known, f"{topic} retains {payload!r}, acknowledged was {known!r}"
        assert asked_at_s < until_s, f"{topic} retains {payload!r}, which had expired"


class Wanderer(Client):
    """Subscribes and unsubscribes, and finds out which subscriptions it has by publishing to itself."""

    TOPICS: Final = [f"wander/{number}" for number in range(6)]

    def __init__(self, house: House, chance: random.Random) -> None:
        super().__init__(house, "wanderer", chance)
        self.subscribed: set[str] = set()
        self.changes = 0
        self._doubt = ""
        self._round = 0

    def begin(self, client: MqttClient) -> None:
        self._round += 1
        mark = b"%d" % self._round
        for packet_id, topic in enumerate(self.TOPICS, 1):
            client.send(Publish(topic, mark, 1, packet_id=packet_id))
        unanswered = set(range(1, len(self.TOPICS) + 1))
        found: set[str] = set()
        # What a client publishes to itself comes before its acknowledgement, or is on its way at the next answer.
        while unanswered or not found >= self.subscribed - {self._doubt}:
            packet = comes(client)
            if isinstance(packet, Puback):
                unanswered.discard(packet.packet_id)
            elif isinstance(packet, Publish):
                client.send(Puback(packet.packet_id or 0))
                if packet.payload == mark:
                    found.add(packet.topic)
        extra = found - self.subscribed - {self._doubt}
        assert not extra, f"{extra} were unsubscribed from, and are there"
        self.subscribed = self._settled(client, found)

    def _settled(self, client: MqttClient, found: set[str]) -> set[str]:
        """Unsubscribe from what is doubtful, so that nothing is."""
        if not self._doubt:
            return found
        client.send(Unsubscribe(1, (self._doubt,)))
        while not isinstance(packet := comes(client), Unsuback):
            if isinstance(packet, Publish):
                client.send(Puback(packet.packet_id or 0))
        found.discard(self._doubt)
        self._doubt = ""
        return found

    def goes_on(self, client: MqttClient) -> None:
        if self._doubt:
            return
        self._doubt = self.chance.choice(self.TOPICS)
        if self._doubt in self.subscribed:
            client.send(Unsubscribe(1, (self._doubt,)))
        else:
            client.send(Subscribe(1, (SubscribeFilter(self._doubt, 1),)))

    def takes(self, client: MqttClient, packet: Packet) -> None:
        if isinstance(packet, Suback):
            self.subscribed.add(self._doubt)
        elif isinstance(packet, Unsuback):
            self.subscribed.discard(self._doubt)
        elif isinstance(packet, Publish):
            client.send(Puback(packet.packet_id or 0))
            return
        self.changes += 1
        self._doubt = ""
        self.stopping.wait(TICK_S)


class Visitor(Client):
    """Comes now to a clean session and now to its old one, for various times, and knows which it must find."""

    SHORT_S: Final = 2
    EXPIRIES: Final = (0, SHORT_S, 0xFFFF_FFFF)

    def __init__(self, house: House, chance: random.Random) -> None:
        super().__init__(house, "visitor", chance)
        self._may_be = {False}
        """Whether a session may be there, as far as it is known."""
        self._expiry_s = 0
        self._was_in = 0
        self._went_at_s = 0.0
        """When it began to go."""
        self._gone_at_s = 0.0
        """When the node surely knew."""

    def _come(self) -> None:
        clean = self.chance.random() < 0.3
        expiry_s = self.chance.choice(self.EXPIRIES)
        incarnation = self.house.incarnation
        with MqttClient(self.house.address(), MQTT_5) as client:
            asked_at_s = time.time()
            may_be, self._may_be = self._may_be, {True, False}
            properties: Properties = {"session_expiry_interval": expiry_s}
            answer = client.connect(self.clientid, clean_start=clean, properties=properties)
            assert answer.reason_code == 0, answer
            self._check(answer.session_present, clean, may_be, asked_at_s)
            self.connections += 1
            self._expiry_s = expiry_s
            self._may_be = {bool(expiry_s)}
            try:
                self._stay(client)
            finally:
                self._went_at_s = self._gone_at_s = time.time()
                self._was_in = incarnation if self.house.incarnation == incarnation else 0
            client.send(Disconnect())
            # From now on the node may think that it has gone, and surely does when it has closed the connection.
            while True:
                try:
                    client.receive(DEADLINE_S)
                except ClosedByBrokerError:
                    break
            self._gone_at_s = time.time()
        self.stopping.wait(self.chance.random() * 2 * self.SHORT_S)

    def _stay(self, client: MqttClient) -> None:
        until = time.monotonic() + self.chance.random() / 4
        while not self.stopping.is_set() and time.monotonic() < until:
            try:
                client.receive(TICK_S)
            except TimeoutError:
                continue

    def _check(self, present: bool, clean: bool, may_be: set[bool], asked_at_s: float) -> None:
        if clean:
            assert not present, "a clean start found a session"
            return
        if self._expiry_s == self.SHORT_S and may_be == {True}:
            if time.time() >= self._went_at_s + self.SHORT_S - MARGIN_S:
                may_be = {True, False}
            # A node that was killed meanwhile cannot know exactly when its clients went.
            same = self._was_in == self.house.incarnation
            if same and asked_at_s > self._gone_at_s + self.SHORT_S + MARGIN_S:
                may_be = {False}
        assert present in may_be, (
            f"session present: {present}; it was left {time.time() - self._went_at_s:.3f} s ago "
            f"with an expiry of {self._expiry_s} s"
        )

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._come()
            except (OSError, TimeoutError, ClosedByBrokerError):
                self.stopping.wait(TICK_S)
            except AssertionError as error:
                self.failures.append(f"{self.clientid}: {error}")
                return
