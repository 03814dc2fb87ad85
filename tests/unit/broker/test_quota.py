"""Quotas: so many deliveries, and no more."""

from __future__ import annotations

from app.broker.quota import Quotas
from app.config import Rate
from app.mqtt.packets import Publish
from tests.harness.playbook import Client, Playbook


def playbook_with(rate: Rate) -> tuple[Playbook, Quotas, Client, Client]:
    playbook = Playbook()
    publisher, subscriber = playbook.connect("p"), playbook.connect("s")
    subscriber.subscribes("t")
    quotas = Quotas(playbook.core)
    quotas.set("p", rate)
    return playbook, quotas, publisher, subscriber


def published(publisher: Client, subscriber: Client, count: int) -> int:
    for _ in range(count):
        publisher.sends(Publish("t", b"x"))
    return len(subscriber.receives())


def test_a_message_costs_one_and_one_for_each_subscription() -> None:
    _playbook, _quotas, publisher, subscriber = playbook_with(Rate(10, 60.0))
    # The one that overdraws is still taken.
    assert published(publisher, subscriber, 10) == 6


def test_a_quota_comes_back_with_time() -> None:
    playbook, _quotas, publisher, subscriber = playbook_with(Rate(2, 10.0))
    assert published(publisher, subscriber, 3) == 2
    playbook.advance(30)
    assert published(publisher, subscriber, 1) == 1


def test_what_is_dropped_is_counted_and_others_are_left_alone() -> None:
    playbook, _quotas, publisher, subscriber = playbook_with(Rate(1, 60.0))
    published(publisher, subscriber, 3)
    assert playbook.counted()["packets.publish.dropped"] == 2
    playbook.connect("other").sends(Publish("t", b"x"))
    assert len(subscriber.receives()) == 1


def test_a_quota_ends_when_it_is_taken_away_or_its_client_goes() -> None:
    playbook, quotas, publisher, subscriber = playbook_with(Rate(1, 60.0))
    published(publisher, subscriber, 2)
    quotas.set("p", None)
    assert published(publisher, subscriber, 5) == 5
    assert playbook.core.hooks.point("message.publish").callbacks == ()
    quotas.set("p", Rate(1, 60.0))
    publisher.leaves()
    assert playbook.core.hooks.point("message.publish").callbacks == ()
    quotas.set("p", None)
