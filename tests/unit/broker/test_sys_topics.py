"""The broker speaks about itself under `$SYS`."""

from __future__ import annotations

import pytest

from app.broker.sys_topics import SysTopics
from app.clock import local_datetime
from app.version import SYSDESCR, VERSION
from tests.harness.playbook import Client, Playbook

NODE = "$SYS/brokers/godwit@127.0.0.1"


def listening(playbook: Playbook, topic_filter: str = "$SYS/#") -> Client:
    SysTopics(playbook.core, playbook.broker.stats).start()
    client = playbook.connect("c")
    client.subscribes(topic_filter)
    return client


def heard(client: Client) -> dict[str, str]:
    return {packet.topic: packet.payload.decode() for packet in client.receives()}


def test_nothing_is_said_before_the_first_interval_has_passed() -> None:
    playbook = Playbook()
    client = listening(playbook)
    playbook.advance(29.75)
    assert heard(client) == {}


def test_the_heartbeat_tells_time() -> None:
    playbook = Playbook()
    client = listening(playbook)
    playbook.advance(30)
    assert heard(client) == {
        f"{NODE}/uptime": "30 seconds",
        f"{NODE}/datetime": local_datetime(playbook.clock.wall_ms()),
    }
    playbook.advance(3_600)
    assert heard(client)[f"{NODE}/uptime"] == "1 hours, 0 minutes, 30 seconds"


def test_the_interval_tells_facts_and_figures() -> None:
    playbook = Playbook()
    client = listening(playbook)
    playbook.advance(60)
    said = heard(client)
    assert said["$SYS/brokers"] == "godwit@127.0.0.1"
    assert (said[f"{NODE}/version"], said[f"{NODE}/sysdescr"]) == (VERSION, SYSDESCR)
    assert said[f"{NODE}/stats/connections.count"] == "1"  # names of stats keep their dots,
    assert said[f"{NODE}/stats/subscriptions.shared.max"] == "0"
    assert said[f"{NODE}/metrics/packets/connect/received"] == "1"  # names of metrics lose them
    metrics = [topic for topic in said if "/metrics/" in topic]
    assert len(metrics) == len(playbook.core.metrics.snapshot())


def test_each_interval_says_it_again() -> None:
    playbook = Playbook()
    client = listening(playbook, "$SYS/brokers")
    playbook.advance(180)
    assert len(client.receives()) == 3


@pytest.mark.parametrize(
    ("topic", "retained"),
    [
        ("$SYS/brokers", True),
        (f"{NODE}/version", True),
        (f"{NODE}/sysdescr", True),
        (f"{NODE}/uptime", False),
        (f"{NODE}/stats/connections.count", False),
    ],
)
def test_facts_are_retained_and_figures_are_not(topic: str, retained: bool) -> None:
    playbook = Playbook()
    listening(playbook)
    playbook.advance(60)
    assert bool(playbook.core.retained.match(topic)) is retained


def test_the_broker_does_not_count_what_it_says_of_itself() -> None:
    playbook = Playbook()
    SysTopics(playbook.core, playbook.broker.stats).start()
    playbook.counted()
    playbook.advance(60)
    counted = playbook.counted()
    assert "messages.publish" not in counted
    assert "messages.dropped" not in counted


def test_what_it_says_of_itself_is_not_counted_as_sent() -> None:
    playbook = Playbook()
    client = listening(playbook)
    playbook.counted()
    playbook.advance(60)
    assert client.receives()
    counted = playbook.counted()
    assert [name for name in counted if name.endswith(".sent") and name != "bytes.sent"] == []


def test_other_intervals_are_kept_too() -> None:
    playbook = Playbook(sys_interval_s=5.0, sys_heartbeat_s=1.0)
    client = listening(playbook, f"{NODE}/uptime")
    playbook.advance(5)
    assert len(client.receives()) == 5
