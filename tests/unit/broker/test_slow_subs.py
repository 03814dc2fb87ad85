"""The ranking of slow subscribers."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker import slow_subs
from app.broker.slow_subs import SlowSubs, SlowSubsConfig
from app.mqtt.packets import Puback, Publish
from tests.harness.playbook import Client, Playbook, only


def watched(**config: Any) -> tuple[Playbook, SlowSubs]:
    playbook, ranking = Playbook(), SlowSubs()
    ranking.start(playbook.core, SlowSubsConfig(**config))
    return playbook, ranking


def subscriber(playbook: Playbook, clientid: str = "c") -> Client:
    client = playbook.connect(clientid)
    client.subscribes("t", "u", qos=1)
    playbook.advance(0.25)
    return client


def acknowledges(client: Client) -> None:
    for packet in client.receives():
        if isinstance(packet, Publish) and packet.packet_id:
            client.sends(Puback(packet.packet_id))


def spans(ranking: SlowSubs) -> list[tuple[str, str, int]]:
    return [(one.clientid, one.topic, one.timespan_ms) for one in ranking.ranking()]


def test_a_late_acknowledgement_is_ranked() -> None:
    playbook, ranking = watched()
    client = subscriber(playbook)
    playbook.publish("t", qos=1)
    playbook.advance(2)
    acknowledges(client)
    assert spans(ranking) == [("c", "t", 2000)]
    assert only(ranking.ranking()).last_update_ms == playbook.clock.wall_ms()


def test_who_is_quick_enough_is_not_ranked() -> None:
    playbook, ranking = watched()
    client = subscriber(playbook)
    playbook.publish("t", qos=1)
    playbook.advance(0.5)
    acknowledges(client)
    assert spans(ranking) == []


def test_the_longest_time_counts_and_the_slowest_comes_first() -> None:
    playbook, ranking = watched()
    client = subscriber(playbook)
    for topic, seconds in (("t", 1), ("t", 3), ("t", 2), ("u", 5)):
        playbook.publish(topic, qos=1)
        playbook.advance(seconds)
        acknowledges(client)
    assert spans(ranking) == [("c", "u", 5000), ("c", "t", 3000)]


def test_a_full_ranking_keeps_the_slowest() -> None:
    playbook, ranking = watched(top_k=2)
    clients = [subscriber(playbook, name) for name in "abc"]
    playbook.publish("t", qos=1)
    for client, seconds in zip(clients, (2, 1, 3), strict=True):
        playbook.advance(seconds)
        acknowledges(client)
    assert spans(ranking) == [("c", "t", 6000), ("b", "t", 3000)]
    playbook.publish("u", qos=1)
    playbook.advance(1)
    acknowledges(clients[0])
    assert len(ranking.ranking()) == 2


def test_a_rank_ends_when_it_is_old() -> None:
    playbook, ranking = watched(expire_interval_s=60)
    client = subscriber(playbook)
    playbook.publish("t", qos=1)
    playbook.advance(1)
    acknowledges(client)
    playbook.advance(58)
    assert spans(ranking) != []
    playbook.advance(3)
    assert spans(ranking) == []


def test_retained_messages_make_nobody_slow() -> None:
    playbook, ranking = watched()
    playbook.publish("t", retain=True)
    playbook.advance(10)
    client = playbook.connect("c")
    client.subscribes("t")
    assert spans(ranking) == []


@pytest.mark.parametrize(("stats_type", "span"), [("internal", 4000), ("response", 2000)])
def test_waiting_in_the_queue_is_the_broker_s_time_and_the_rest_the_client_s(
    stats_type: str, span: int
) -> None:
    playbook, ranking = watched(stats_type=stats_type)
    kept = {"session_expiry_interval": 1_000}
    client = playbook.connect("c", clean_start=False, properties=kept)
    client.subscribes("t", qos=1)
    client.crashes()
    playbook.advance(1)
    playbook.publish("t", qos=1)
    playbook.advance(4)
    client = playbook.connect("c", clean_start=False, properties=kept)
    playbook.advance(2)
    acknowledges(client)
    assert spans(ranking) == [("c", "t", span)]


def test_what_is_never_acknowledged_is_not_remembered_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    playbook, ranking = watched(stats_type="response")
    client = subscriber(playbook)
    playbook.publish("t", qos=1)
    assert ranking._awaited == 1
    client.leaves()
    assert (ranking._awaited, ranking._sent) == (0, {})
    monkeypatch.setattr(slow_subs, "MOST_AWAITED", 2)
    for name in "abc":
        subscriber(playbook, name)
    playbook.publish("t", qos=1)
    assert ranking._awaited == 2
    assert list(ranking._sent) == ["b", "c"]


def test_the_ranking_can_be_cleared_and_ends_with_a_stop() -> None:
    playbook, ranking = watched()
    client = subscriber(playbook)
    for end in (ranking.clear, ranking.stop):
        playbook.publish("t", qos=1)
        playbook.advance(1)
        acknowledges(client)
        assert spans(ranking) != []
        end()
        assert spans(ranking) == []
    assert not ranking.is_running
    assert playbook.core.hooks.point("message.acked").callbacks == ()
    ranking.stop()
    playbook.advance(5)
