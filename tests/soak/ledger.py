"""All clients of one node, and what they make of it in the end."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from app.mqtt.packets import MQTT_5, Will
from app.mqtt.properties import Properties
from tests.harness.mqtt_client import MqttClient
from tests.soak.clients import (
    FOR_EVER,
    TICK_S,
    Client,
    House,
    Publisher,
    RareSubscriber,
    SlowSubscriber,
    Subscriber,
    pause,
)
from tests.soak.promises import Retainer, Visitor, Wanderer

PATIENCE_S: Final = 90.0
BRIEF: Final = {"message_expiry_interval": 1}
NOW_AND_THEN_S: Final = 0.02
LATER: Final = "$delayed/1/"


class Ledger:
    """Publishers, subscribers and others on one node."""

    def __init__(self, house: House, chance: random.Random) -> None:
        """Make them; each makes its choices by itself, whatever the others do."""
        self._house = house
        self._chance = chance
        self.everything = Subscriber(house, self._own(), "crash/#")
        self.late = Subscriber(house, self._own(), "late/#")
        self.members = [Subscriber(house, self._own(), "$share/g/shared/#", n) for n in (1, 2)]
        self.slow = SlowSubscriber(house, self._own(), "narrow/#")
        self.rare = RareSubscriber(house, self._own(), "brief")
        self.retainer = Retainer(house, self._own())
        self.wanderer = Wanderer(house, self._own())
        self.visitor = Visitor(house, self._own())
        self.publishers = {
            "crash/one": self._publisher("crash/one", 1),
            "crash/two": self._publisher("crash/two", 2),
            "crash/zero": self._publisher("crash/zero", 0, pause_s=NOW_AND_THEN_S),
            "shared/one": self._publisher("shared/one", 1, pause_s=NOW_AND_THEN_S / 4),
            "shared/two": self._publisher("shared/two", 2, pause_s=NOW_AND_THEN_S / 4),
            "late/one": self._publisher(LATER + "late/one", 1, pause_s=NOW_AND_THEN_S),
            "late/two": self._publisher(LATER + "late/two", 2, pause_s=NOW_AND_THEN_S),
            "narrow/one": self._publisher("narrow/one", 1, may=self._slow_is_here),
            "narrow/two": self._publisher("narrow/two", 2, may=self._slow_is_here),
            "brief": self._publisher("brief", 1, pause_s=NOW_AND_THEN_S, properties=BRIEF),
        }
        self.rare.publisher = self.publishers["brief"]
        self.rare.lives_s = BRIEF["message_expiry_interval"] + TICK_S
        self.wills = 0

    def _own(self) -> random.Random:
        return random.Random(self._chance.random())

    def _publisher(self, topic: str, qos: int, **options: object) -> Publisher:
        return Publisher(self._house, self._own(), topic, qos, **options)  # type: ignore[arg-type]

    def _slow_is_here(self) -> bool:
        """Tell whether the slow subscriber is there: of who is away a full queue loses what is oldest."""
        return self.slow.here_in == self._house.incarnation

    # -- while it goes on ------------------------------------------------------------------------

    @property
    def subscribers(self) -> list[Subscriber]:
        """Return everybody who has to be subscribed before anything is published."""
        return [self.everything, self.late, *self.members, self.slow, self.rare]

    @property
    def clients(self) -> Iterable[Client]:
        """Return everybody."""
        others = (self.retainer, self.wanderer, self.visitor)
        return (*self.subscribers, *self.publishers.values(), *others)

    @property
    def acknowledged(self) -> int:
        """How many messages were acknowledged so far."""
        messages = sum(len(publisher.acknowledged) for publisher in self.publishers.values())
        return messages + self.retainer.changes + self.wanderer.changes

    def start(self) -> None:
        for subscriber in self.subscribers:
            subscriber.start()
        self.wait_for(
            lambda: all(one.is_subscribed.is_set() for one in self.subscribers), "subscriptions"
        )
        for client in self.clients:
            if client not in self.subscribers:
                client.start()

    def waits_for_more(self, count: int, at_most_s: float) -> None:
        """Let so many more messages be acknowledged, or so much time pass, but at least one."""
        before = self.acknowledged
        until = time.monotonic() + at_most_s
        self.wait_for(
            lambda: self.acknowledged >= before + (count if time.monotonic() < until else 1),
            "another acknowledgement",
        )

    def leaves_a_will(self) -> MqttClient:
        """Connect a client whose will is due when the node is killed, or a second later."""
        self.wills += 1
        delay: Properties = {"will_delay_interval": self._chance.randrange(2)}
        will = Will("crash/will", b"%d" % self.wills, 2, False, delay)
        client = MqttClient(self._house.address(), MQTT_5)
        client.connect(f"mourned {self.wills}", clean_start=False, properties=FOR_EVER, will=will)
        return client

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is true, or a client has failed."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            self.raise_failures()
            assert time.monotonic() < until, f"{what} did not come within {PATIENCE_S} s"
            pause(TICK_S / 5)

    def raise_failures(self) -> None:
        """Raise what went wrong in a client's thread."""
        failures = [text for client in self.clients for text in client.failures]
        assert not failures, failures

    # -- in the end ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let everybody finish, and hold the books against each other.

        Raises:
            AssertionError: the node has broken a promise; the text says which.
        """
        for publisher in self.publishers.values():
            publisher.stopping.set()
        self.wait_for(
            lambda: not any(publisher.is_alive() for publisher in self.publishers.values()),
            "the last acknowledgement of every publisher",
        )
        try:
            self.wait_for(lambda: not self._missing(), "everything that was acknowledged")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._missing()}") from None
        for client in self.clients:
            client.stopping.set()
        for client in self.clients:
            client.join(PATIENCE_S)
        self.raise_failures()
        self._check()

    def _received(self, topic: str) -> list[int]:
        """Return what all who were to get it have got, in the order of each."""
        found: list[int] = []
        for subscriber in self.subscribers:
            found += subscriber.received.get(topic, [])
        return found

    def _missing(self) -> dict[str, list[int]]:
        """Return by topic what was acknowledged and has not come; but of the topic whose messages expire."""
        missing = {
            topic: sorted(publisher.acknowledged.keys() - set(self._received(topic)))[:5]
            for topic, publisher in self.publishers.items()
            if topic != "brief"
        }
        wills = set(range(1, self.wills + 1)) - set(self._received("crash/will"))
        missing["crash/will"] = sorted(wills)
        return {topic: numbers for topic, numbers in missing.items() if numbers}

    def _check(self) -> None:
        for topic in ("crash/zero", "crash/one", "narrow/one", "brief"):
            received = self._received(topic)
            first_of_each = list(dict.fromkeys(received))
            assert first_of_each == sorted(first_of_each), f"{topic} came out of order"
        for topic in ("crash/two", "narrow/two"):
            received = self._received(topic)
            assert received == list(range(1, len(received) + 1)), surprise(topic, received)
        for topic in (
            "crash/zero",
            "crash/two",
            "shared/two",
            "late/two",
            "narrow/two",
            "crash/will",
        ):
            twice = [
                number for number, count in Counter(self._received(topic)).items() if count > 1
            ]
            assert not twice, f"{topic}: {twice[:5]} came twice"


def surprise(topic: str, received: list[int]) -> str:
    """Say where a row of numbers is not 1, 2, 3 …"""
    for at, number in enumerate(received, 1):
        if at != number:
            return f"{topic}: behind {received[max(0, at - 4) : at - 1]} came {received[at - 1 : at + 3]}"
    return f"{topic}: ended with {received[-1:]}"
