"""The retained store: the last message of each topic, found by filter, oldest first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.retained import RetainedStore
from app.clock import FakeClock
from app.config import RetainerConfig
from app.mqtt.topic import matches
from tests.harness.playbook import Playbook
from tests.unit.broker.strategies import topic_filters, topic_names


class Store(RetainedStore):
    """A store with a clock of its own."""

    def __init__(self, **config: object) -> None:
        self.clock = FakeClock()
        self.metrics = Metrics()
        super().__init__(replace(RetainerConfig(), **config), self.metrics, self.clock)

    def put(self, topic: str, payload: bytes = b"x", expiry_s: int | None = None) -> None:
        properties = {} if expiry_s is None else {"message_expiry_interval": expiry_s}
        self.on_publish(
            Message(topic, payload, 0, True, self.clock.wall_ms(), properties=properties)
        )

    def found(self, topic_filter: str) -> list[tuple[str, bytes]]:
        return [(message.topic, message.payload) for message in self.match(topic_filter)]


def test_the_last_message_of_a_topic_is_kept() -> None:
    """[MQTT-3.3.1-5]"""
    store = Store()
    store.put("t", b"1")
    store.put("t", b"2")
    assert store.found("t") == [("t", b"2")]
    assert len(store) == 1


def test_an_empty_payload_deletes() -> None:
    """[MQTT-3.3.1-6] [MQTT-3.3.1-7]"""
    store = Store()
    store.put("a/b")
    store.put("a/b", b"")
    store.put("never", b"")
    assert (len(store), store.found("#")) == (0, [])
    assert store._root.children == {}


def test_deleting_leaves_those_above_and_below() -> None:
    store = Store()
    for topic in ("a", "a/b", "a/b/c"):
        store.put(topic)
    assert store.delete("a/b")
    assert not store.delete("a/b")
    assert not store.delete("a/b/c/d")
    assert [topic for topic, _ in store.found("#")] == ["a", "a/b/c"]


def test_replay_follows_the_order_of_publishing() -> None:
    store = Store()
    for topic in ("c", "a", "b", "a"):
        store.put(topic)
    assert [topic for topic, _ in store.found("+")] == ["c", "b", "a"]


def test_wildcards_do_not_find_the_brokers_own_topics() -> None:
    """[MQTT-4.7.2-1]"""
    store = Store()
    store.put("$SYS/brokers")
    store.put("a")
    assert [topic for topic, _ in store.found("#")] == ["a"]
    assert store.found("+/brokers") == []
    assert [topic for topic, _ in store.found("$SYS/#")] == ["$SYS/brokers"]


def test_a_payload_larger_than_allowed_is_not_kept_and_leaves_the_old_one() -> None:
    store = Store(max_payload_size=3)
    store.put("t", b"123")
    store.put("t", b"1234")
    assert store.found("t") == [("t", b"123")]


def test_a_full_store_takes_no_new_topics_and_still_updates_old_ones() -> None:
    store = Store(max_retained_messages=2)
    for topic, payload in (("a", b"1"), ("b", b"1"), ("c", b"1"), ("a", b"2")):
        store.put(topic, payload)
    assert store.found("#") == [("b", b"1"), ("a", b"2")]
    store.put("b", b"")
    store.put("c", b"3")
    assert store.found("c") == [("c", b"3")]


@pytest.mark.parametrize(("expiry_s", "default_s"), [(10, 0.0), (None, 10.0), (10, 99.0)])
def test_an_expired_message_is_forgotten_when_it_is_looked_for(
    expiry_s: int | None, default_s: float
) -> None:
    store = Store(expiry_interval_s=default_s)
    store.put("t", b"x", expiry_s)
    store.clock.advance(9.999)
    assert len(store.found("t")) == 1
    store.clock.advance(0.001)
    assert store.found("#") == []
    assert len(store) == 0


def test_a_message_says_itself_how_long_it_is_kept() -> None:
    store = Store(expiry_interval_s=10.0)
    store.put("t", b"x", 100)
    store.clock.advance(50)
    assert len(store.found("t")) == 1


def test_the_metric_follows_the_number_of_messages() -> None:
    store = Store()
    store.put("a")
    store.put("b")
    store.put("a", b"")
    assert store.metrics.messages_retained == 1


@given(
    st.lists(st.tuples(topic_names, st.sampled_from([b"", b"1", b"2"])), max_size=20),
    st.lists(topic_filters(), max_size=5),
)
def test_a_store_finds_what_a_walk_over_all_topics_finds(
    steps: list[tuple[str, bytes]], filters: list[str]
) -> None:
    store = Store()
    known: dict[str, bytes] = {}
    for topic, payload in steps:
        store.put(topic, payload)
        known.pop(topic, None)
        if payload:
            known[topic] = payload
    assert len(store) == len(known)
    for wanted in [*filters, *known]:
        assert store.found(wanted) == [
            (topic, payload) for topic, payload in known.items() if matches(topic, wanted)
        ]


def test_what_is_refused_is_counted() -> None:
    store = Store(max_retained_messages=1, max_payload_size=3)
    store.put("a", b"1")
    store.put("a", b"1234")
    store.put("b", b"1")
    store.put("a", b"2")
    assert store.metrics.messages_retained_refused == 2


@pytest.mark.parametrize(("expiry_s", "default_s"), [(10, 0.0), (None, 10.0)])
def test_what_has_expired_is_swept_without_being_looked_for(
    expiry_s: int | None, default_s: float
) -> None:
    playbook = Playbook(retainer={"expiry_interval_s": default_s})
    store = playbook.core.retained
    store.keep_swept(playbook.core.after)
    properties = {} if expiry_s is None else {"message_expiry_interval": expiry_s}
    playbook.publish("t", retain=True, properties=properties)
    playbook.publish("t/kept", retain=True, properties={"message_expiry_interval": 1_000})
    playbook.advance(9)
    assert len(store) == 2
    playbook.advance(120)
    assert len(store) == 1
    playbook.advance(1_000)
    assert (len(store), store._root.children, store._due) == (0, {}, {})


def test_a_topic_that_is_published_again_and_again_waits_for_one_sweep_only() -> None:
    store = Store()
    for _ in range(1_000):
        store.put("t", b"x", 3_600)
        store.clock.advance(10)
        store.sweep()
    assert sum(map(len, store._due.values())) == 1
    assert len(store) == 1
