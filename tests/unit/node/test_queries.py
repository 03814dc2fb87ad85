"""Queries on live clients and subscriptions."""

from __future__ import annotations

import pytest

from app.broker.records import SubscriptionRecord
from app.mqtt.packets import MQTT_3_1_1
from app.node.proxy import ClientQuery, SubscriptionQuery
from app.node.queries import SORTED, Largest, client_test, idle_ms, is_empty, subscription_test
from tests.harness.playbook import Playbook

START_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    """Return a broker with three clients: here, away (with 2 messages waiting, 3 dropped), old."""
    book = Playbook(zone={"max_mqueue_len": 2})
    book.connect("here-1", username="alice", peerhost="10.0.0.1")
    book.advance(10)
    away = book.connect(
        "away-2", username="Bob", clean_start=False, properties={"session_expiry_interval": 1_000}
    )
    away.subscribes("t", qos=1)
    away.crashes()
    for _ in range(5):
        book.publish("t", b"", 1)
    book.advance(10)
    book.connect("old-3", version=MQTT_3_1_1)
    return book


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"clientid": "here-1"}, ["here-1"]),
        ({"clientid": "here"}, []),
        ({"username": "alice"}, ["here-1"]),
        ({"zone": "external"}, ["here-1", "away-2", "old-3"]),
        ({"zone": "internal"}, []),
        ({"ip_address": "10.0.0.1"}, ["here-1"]),
        ({"conn_state": "connected"}, ["here-1", "old-3"]),
        ({"conn_state": "disconnected"}, ["away-2"]),
        ({"clean_start": False}, ["away-2"]),
        ({"clean_start": True}, ["here-1", "old-3"]),
        ({"proto_name": "MQTT"}, ["here-1", "away-2", "old-3"]),
        ({"proto_ver": 4}, ["old-3"]),
        ({"like_clientid": "-"}, ["here-1", "away-2", "old-3"]),
        ({"like_clientid": "HERE"}, []),
        ({"like_username": "ob"}, ["away-2"]),
        ({"like_username": "o", "username": "alice"}, ["here-1"]),  # exact overrules like
        ({"gte_connected_at_ms": START_MS + 10_000}, ["away-2", "old-3"]),
        ({"lte_connected_at_ms": START_MS + 10_000}, ["here-1", "away-2"]),
        ({"gte_created_at_ms": START_MS + 1, "lte_created_at_ms": START_MS + 10_000}, ["away-2"]),
        ({"gte_mqueue_len": 2}, ["away-2"]),
        ({"lte_mqueue_len": 0}, ["here-1", "old-3"]),
        ({"gte_mqueue_dropped": 3, "lte_mqueue_dropped": 3}, ["away-2"]),
        ({"gte_mqueue_dropped": 4}, []),
        ({"conn_state": "connected", "like_clientid": "3"}, ["old-3"]),
    ],
)
def test_clients_that_fit_a_query(
    playbook: Playbook, query: dict[str, object], expected: list[str]
) -> None:
    test = client_test(ClientQuery(**query))
    channels = playbook.core.cm.channels
    assert [clientid for clientid, channel in channels.items() if test(channel)] == expected


def test_a_query_that_asks_nothing_is_empty_and_fits_everybody(playbook: Playbook) -> None:
    assert is_empty(ClientQuery())
    assert is_empty(SubscriptionQuery())
    assert not is_empty(ClientQuery(clean_start=False))
    assert not is_empty(SubscriptionQuery(qos=0))
    assert all(map(client_test(ClientQuery()), playbook.core.cm.channels.values()))


SUBSCRIPTIONS = [
    SubscriptionRecord("n", "a", "t/1", 0),
    SubscriptionRecord("n", "a", "t/+", 1),
    SubscriptionRecord("n", "b", "$share/g/t/1", 1, "g"),
    SubscriptionRecord("n", "b", "$share/$queue/q", 2, "$queue"),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"topic": "t/1"}, [0, 2]),
        ({"topic": "t/+"}, [1]),
        ({"share": "g"}, [2]),
        ({"share": "$queue"}, [3]),
        ({"qos": 1}, [1, 2]),
        ({"match_topic": "t/#"}, [0, 1, 2]),
        ({"match_topic": "t/1"}, [0, 2]),
        ({"match_topic": "q"}, [3]),
    ],
)
def test_subscriptions_that_fit_a_query(query: dict[str, object], expected: list[int]) -> None:
    test = subscription_test(SubscriptionQuery(**query))
    assert [
        index
        for index, record in enumerate(SUBSCRIPTIONS)
        if test(record.topic, record.qos, record.share)
    ] == expected


def largest(playbook: Playbook, count: int, name: str) -> list[str]:
    channels = list(playbook.core.cm.channels.values())
    found = Largest(channels, count, SORTED[name])
    found.look_at(range(1))
    found.look_at(range(1, len(channels)))
    return [channel.client.clientid for channel in found.found()]


@pytest.mark.parametrize("name", ["mqueue_len", "dropped"])
def test_the_largest_come_first_and_equal_ones_in_their_order(
    playbook: Playbook, name: str
) -> None:
    assert largest(playbook, 10, name) == ["away-2", "here-1", "old-3"]
    assert largest(playbook, 2, name) == ["away-2", "here-1"]
    assert largest(playbook, 0, name) == []


def test_who_is_away_is_idle_since_then_and_of_others_the_system_knows() -> None:
    book = Playbook()
    here = book.connect("here")
    away = book.connect("away", clean_start=False, properties={"session_expiry_interval": 9})
    away.crashes()
    assert idle_ms(here.channel) is None
    idle = idle_ms(away.channel)
    assert idle is not None and idle >= 0
    assert largest(book, 1, "idle") == ["away"]
