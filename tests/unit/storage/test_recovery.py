"""Whatever happens to a broker, its journal says at every moment what the broker is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Disconnect,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscribeFilter,
    Unsubscribe,
    Will,
)
from tests.harness.playbook import Client
from tests.unit.storage.keeping import Kept, journaled, live

NAMES = st.sampled_from(["a", "b", "c"])
TOPICS = st.sampled_from(["t", "u/1", "u/2"])
FILTERS = st.sampled_from(["t", "u/+", "#", "$share/g/t", "$share/g/u/#", "$exclusive/t"])
QOS = st.integers(0, 2)


class Life(RuleBasedStateMachine):
    """Three clients that come and go, and a node that is killed now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Kept(
            zone={"max_inflight": 2, "max_mqueue_len": 3},
            mqtt={"exclusive_subscription": True},
        )
        self.clients: dict[str, Client] = {}
        self.sent: dict[str, list[Any]] = {}
        self.packet_id = 0

    @initialize(versions=st.tuples(*[st.sampled_from([MQTT_3_1_1, MQTT_5])] * 3))
    def all_are_there(self, versions: tuple[int, ...]) -> None:
        for name, version in zip("abc", versions, strict=True):
            self.comes(name, version, False, 60, None)
            self.subscribes(name, "#" if name == "a" else "$share/g/t", 2, None)

    def _take(self, name: str) -> None:
        client = self.clients[name]
        if client.is_closed:
            del self.clients[name]
            return
        self.sent.setdefault(name, []).extend(
            packet for packet in client.receives() if isinstance(packet, Publish) and packet.qos
        )

    @rule(
        name=NAMES,
        version=st.sampled_from([MQTT_3_1_1, MQTT_5]),
        clean=st.booleans(),
        expiry=st.sampled_from([0, 60, 0xFFFF_FFFF]),
        will=st.sampled_from([None, 0, 30]),
    )
    def arrives(self, name: str, version: int, clean: bool, expiry: int, will: int | None) -> None:
        self.comes(name, version, clean, expiry, will)

    def comes(self, name: str, version: int, clean: bool, expiry: int, will: int | None) -> None:
        properties: Any = {"session_expiry_interval": expiry} if version == MQTT_5 else {}
        said = None
        if will is not None:
            delay: Any = {"will_delay_interval": will} if version == MQTT_5 else {}
            said = Will("t", b"will", 1, False, delay)
        self.sent[name] = []
        self.clients[name] = self.kept.playbook.connect(
            name, version=version, clean_start=clean, properties=properties, will=said
        )
        self._take(name)

    @rule(name=NAMES, says_why=st.booleans())
    def goes(self, name: str, says_why: bool) -> None:
        client = self.clients.pop(name, None)
        if client is None or client.is_closed:
            return
        if says_why:
            client.sends(Disconnect())
        else:
            client.crashes()

    @rule(name=NAMES, topic_filter=FILTERS, qos=QOS, identifier=st.sampled_from([None, 7]))
    def wants(self, name: str, topic_filter: str, qos: int, identifier: int | None) -> None:
        self.subscribes(name, topic_filter, qos, identifier)

    def subscribes(self, name: str, topic_filter: str, qos: int, identifier: int | None) -> None:
        client = self.clients.get(name)
        if client is None:
            return
        properties: Any = {}
        if identifier is not None and client.version == MQTT_5:
            properties = {"subscription_identifier": [identifier]}
        client.sends(Subscribe(9, (SubscribeFilter(topic_filter, qos),), properties))
        self._take(name)

    @rule(name=NAMES, topic_filter=FILTERS)
    def unsubscribes(self, name: str, topic_filter: str) -> None:
        if name in self.clients:
            self.clients[name].sends(Unsubscribe(9, (topic_filter,)))
            self._take(name)

    @rule(name=NAMES, topic=TOPICS, qos=QOS, retain=st.booleans(), empty=st.booleans())
    def publishes(self, name: str, topic: str, qos: int, retain: bool, empty: bool) -> None:
        client = self.clients.get(name)
        if client is None:
            return
        self.packet_id = self.packet_id % 50 + 1
        packet_id = self.packet_id if qos else None
        client.sends(Publish(topic, b"" if empty else b"payload", qos, retain, packet_id=packet_id))
        for other in list(self.clients):
            self._take(other)

    @rule(name=NAMES, expiry=st.sampled_from([0, 20]))
    def publishes_for_later(self, name: str, expiry: int) -> None:
        client = self.clients.get(name)
        if client is not None:
            properties: Any = {}
            if expiry and client.version == MQTT_5:
                properties = {"message_expiry_interval": expiry}
            client.sends(Publish("$delayed/10/t", b"later", 1, packet_id=60, properties=properties))
            self._take(name)

    @rule(name=NAMES, first=st.booleans())
    def acknowledges(self, name: str, first: bool) -> None:
        client, sent = self.clients.get(name), self.sent.get(name)
        if client is None or not sent:
            return
        packet = sent.pop(0 if first else -1)
        client.sends(Puback(packet.packet_id) if packet.qos == 1 else Pubrec(packet.packet_id))
        if name in self.clients:
            self._take(name)

    @rule(name=NAMES)
    def completes(self, name: str) -> None:
        client = self.clients.get(name)
        if client is None:
            return
        for packet_id in list(client.session.awaiting_rel)[:1]:
            client.sends(Pubrel(packet_id))
        released = [i for i, one in client.session.inflight.items() if one.released]
        for packet_id in released[:1]:
            client.sends(Pubcomp(packet_id))
        self._take(name)

    @rule(name=NAMES)
    def is_kicked(self, name: str) -> None:
        self.kept.playbook.broker.kick(name)
        self.clients.pop(name, None)

    @rule(seconds=st.sampled_from([1, 15, 100]))
    def time_passes(self, seconds: int) -> None:
        self.kept.playbook.advance(seconds)
        self.kept.playbook.settle()
        for name in list(self.clients):
            self._take(name)

    @rule(away_s=st.sampled_from([0, 10, 100]))
    def the_node_is_killed(self, away_s: int) -> None:
        before = journaled(self.kept.recovery().state())
        self.clients.clear()
        self.kept.dies(away_s)
        if not away_s:
            # What is there after no time is what was there before, but that nobody is connected.
            after = live(self.kept.playbook)
            for name, session in after["sessions"].items():
                was = before["sessions"][name]
                assert session["subscriptions"] == was["subscriptions"]
                assert session["awaiting_rel"] == was["awaiting_rel"]
                assert session["window"] == was["window"]

    @rule()
    def what_was_said_is_written(self) -> None:
        self.kept.store.settle()

    @rule()
    def the_journal_is_compacted(self) -> None:
        self.kept.sweeps()

    @rule(times=st.integers(1, 4))
    def the_journal_is_compacted_a_little(self, times: int) -> None:
        for _ in range(times):
            self.kept.sweeps_a_little()

    @invariant()
    def the_journal_says_what_the_broker_is(self) -> None:
        assert journaled(self.kept.recovery().state()) == live(self.kept.playbook)


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLife = pytest.mark.timeout(300)(Life.TestCase)
