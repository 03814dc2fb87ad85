"""Remembered ACL verdicts: how long, how many, and what makes the broker forget them."""

from __future__ import annotations

from typing import Any

from app.broker.acl_cache import AclVerdict
from app.broker.hooks import Stop
from app.mqtt.packets import Publish
from tests.harness.playbook import Client, Playbook


class Rules:
    """A rule that counts how often it is asked."""

    def __init__(self, *, allows: bool = True) -> None:
        self.allows = allows
        self.asked: list[tuple[str, str]] = []

    def __call__(self, _client: Any, action: str, topic: str, _verdict: Any) -> Stop:
        self.asked.append((action, topic))
        return Stop(self.allows)


def guarded(rules: Rules, **settings: Any) -> tuple[Playbook, Client]:
    playbook = Playbook(**settings)
    playbook.hook("client.check_acl", rules)
    return playbook, playbook.connect("c")


def publishes(client: Client, *topics: str) -> None:
    for topic in topics:
        client.sends(Publish(topic, b"x"))


def test_the_rules_are_asked_once_for_a_topic() -> None:
    playbook, client = guarded(rules := Rules())
    publishes(client, "t", "t", "t")
    assert rules.asked == [("publish", "t")]
    counted = playbook.counted()
    assert (counted["client.acl.cache_hit"], counted["client.acl.allow"]) == (2, 3)
    assert counted["client.check_acl"] == 1


def test_a_refusal_is_remembered_as_well() -> None:
    playbook, client = guarded(rules := Rules(allows=False))
    publishes(client, "t", "t")
    assert len(rules.asked) == 1
    assert playbook.counted()["client.acl.deny"] == 2


def test_a_verdict_is_asked_for_again_after_its_time() -> None:
    playbook, client = guarded(rules := Rules())
    publishes(client, "t")
    playbook.advance(59)
    publishes(client, "t")
    assert len(rules.asked) == 1
    playbook.advance(2)
    publishes(client, "t")
    assert len(rules.asked) == 2


def test_the_oldest_verdict_goes_when_there_are_too_many() -> None:
    playbook, client = guarded(rules := Rules(), acl_cache_max_size=2)
    publishes(client, "a", "b", "c", "b", "a")
    assert [topic for _, topic in rules.asked] == ["a", "b", "c", "a"]
    kept = [verdict.topic for verdict in playbook.core.access.remembered(client.channel.client)]
    assert kept == ["a", "c"]


def test_subscribing_and_publishing_are_two_questions() -> None:
    playbook, client = guarded(Rules())
    client.subscribes("t")
    publishes(client, "t")
    now_ms = playbook.clock.wall_ms()
    assert playbook.core.access.remembered(client.channel.client) == [
        AclVerdict("publish", "t", True, now_ms),
        AclVerdict("subscribe", "t", True, now_ms),
    ]


def test_everything_is_forgotten_at_once() -> None:
    playbook, client = guarded(rules := Rules())
    publishes(client, "t")
    playbook.core.access.drain_caches()
    assert playbook.core.access.remembered(client.channel.client) == []
    publishes(client, "t")
    assert len(rules.asked) == 2


def test_other_rules_make_old_verdicts_worthless() -> None:
    playbook, client = guarded(Rules())
    publishes(client, "t")
    playbook.hook("client.check_acl", stricter := Rules(allows=False), priority=1)
    publishes(client, "t")
    assert stricter.asked == [("publish", "t")]


def test_without_a_cache_the_rules_are_asked_every_time() -> None:
    _playbook, client = guarded(rules := Rules(), enable_acl_cache=False)
    publishes(client, "t", "t")
    assert len(rules.asked) == 2


def test_a_rule_that_fails_is_asked_again() -> None:
    playbook = Playbook()
    asked: list[None] = []

    def fails(*_: Any) -> None:
        asked.append(None)
        raise RuntimeError

    playbook.hook("client.check_acl", fails)
    client = playbook.connect("c")
    publishes(client, "t", "t")
    assert len(asked) == 2
