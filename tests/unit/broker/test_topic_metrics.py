"""Counting the messages of single topics."""

from __future__ import annotations

from app.broker.topic_metrics import NAMES, PAST, RATE_OVER_S, TopicMetrics
from app.mqtt.packets import Publish
from tests.harness.playbook import Playbook

POINTS = ("message.publish", "message.delivered", "message.dropped")


def counting(*topics: str, max_topics: int = 512) -> tuple[Playbook, TopicMetrics]:
    playbook, metrics = Playbook(), TopicMetrics()
    metrics.start(playbook.core, topics, max_topics)
    return playbook, metrics


def counts(metrics: TopicMetrics, topic: str) -> dict[str, int | float]:
    row = metrics.row(topic)
    assert row is not None
    return {
        key.removesuffix(".count"): value for key, value in row.items() if value and "count" in key
    }


def hooked(playbook: Playbook) -> list[str]:
    return [name for name in POINTS if playbook.core.hooks.point(name).callbacks]


def test_a_topic_starts_with_every_name_at_nought() -> None:
    _, metrics = counting("t")
    row = metrics.row("t")
    assert row is not None
    assert set(row) == {f"{name}.{kind}" for name in NAMES for kind in ("count", "rate")}
    assert set(row.values()) == {0}


def test_messages_are_counted_on_their_way_in_and_out() -> None:
    playbook, metrics = counting("t")
    first, second = playbook.connect("a"), playbook.connect("b")
    first.subscribes("t", qos=1)
    second.subscribes("#", qos=1)
    first.sends(Publish("t", b"x", 1, False, False, 7), Publish("other", b"x"))
    assert counts(metrics, "t") == {
        "messages.in": 1,
        "messages.out": 2,
        "messages.qos1.in": 1,
        "messages.qos1.out": 2,
    }


def test_a_message_that_nobody_wants_is_dropped() -> None:
    playbook, metrics = counting("t")
    playbook.publish("t")
    assert counts(metrics, "t") == {
        "messages.in": 1,
        "messages.qos0.in": 1,
        "messages.dropped": 1,
    }


def test_rates_are_those_of_the_last_seconds() -> None:
    playbook, metrics = counting("t")
    for _ in range(10):
        playbook.publish("t")
    playbook.advance(5.5)
    row = metrics.row("t")
    assert row is not None and row["messages.in.rate"] == 2.0
    playbook.advance(5)
    row = metrics.row("t")
    assert row is not None and row["messages.in.rate"] == 0.0


def test_rates_of_the_last_while_are_kept_for_a_chart() -> None:
    playbook, metrics = counting("t")
    for _ in range(10):
        playbook.publish("t")
    playbook.advance(10.5)
    past = metrics.past_rates("t")
    assert past is not None
    assert past.messages_in == [2.0, 0.0]
    assert past.messages_dropped == [2.0, 0.0]
    assert past.until_ms > 0
    playbook.advance(PAST * RATE_OVER_S + 1)
    past = metrics.past_rates("t")
    assert past is not None
    assert len(past.messages_in) == PAST
    assert metrics.past_rates("other") is None


def test_without_a_topic_no_hook_is_taken() -> None:
    playbook, metrics = counting()
    assert hooked(playbook) == []
    metrics.register("a")
    metrics.register("b")
    assert hooked(playbook) == list(POINTS)
    metrics.unregister("a")
    assert hooked(playbook) == list(POINTS)
    metrics.unregister("b")
    assert hooked(playbook) == []


def test_more_topics_than_allowed_are_refused() -> None:
    _, metrics = counting("a", max_topics=2)
    assert metrics.register("b")
    assert not metrics.register("b")
    assert not metrics.register("c")
    assert list(metrics.rows()) == ["a", "b"]
    metrics.unregister("a")
    assert metrics.register("c")


def test_a_stop_forgets_and_takes_back_its_hooks_and_timers() -> None:
    playbook, metrics = counting("a")
    metrics.stop()
    assert not metrics.is_running
    assert hooked(playbook) == []
    assert metrics.rows() == {}
    assert not metrics.register("a")
    playbook.advance(20)
    metrics.start(playbook.core, ["b"], 512)
    assert list(metrics.rows()) == ["b"]


def test_what_is_not_counted_cannot_be_taken_away() -> None:
    _, metrics = counting("a")
    assert not metrics.unregister("b")
    assert metrics.row("b") is None
