"""Subscriptions that every client has from the start."""

from __future__ import annotations

from typing import Any

import pytest

from app.plugins import ExtensionError
from app.plugins.host import ExtensionHost
from app.plugins.subscription import Subscription
from tests.harness.playbook import Playbook

NAME = "module.subscription."


def broker(config: dict[str, Any]) -> Playbook:
    playbook = Playbook()
    ExtensionHost(playbook.core).load(Subscription(), config, None)
    return playbook


def test_names_stand_in_filters_and_who_has_none_is_spared_them() -> None:
    playbook = broker({f"{NAME}1.topic": "of/%c", f"{NAME}1.qos": 1, f"{NAME}2.topic": "user/%u/#"})
    first = playbook.connect("c1", username="u1")
    second = playbook.connect("c2")
    assert set(first.session.subscriptions) == {"of/c1", "user/u1/#"}
    assert set(second.session.subscriptions) == {"of/c2"}
    assert first.session.subscriptions["of/c1"].qos == 1


def test_what_is_retained_comes_with_them() -> None:
    playbook = broker({f"{NAME}1.topic": "news"})
    playbook.publish("news", b"old", retain=True)
    client = playbook.connect("c1")
    playbook.settle()
    assert [packet.payload for packet in client.receives()] == [b"old"]


def test_a_filter_that_is_none_and_a_name_that_would_widen_one_are_left_out() -> None:
    playbook = broker({f"{NAME}1.topic": "a/#/b", f"{NAME}2.topic": "of/%c"})
    assert set(playbook.connect("#").session.subscriptions) == set()


def test_options_without_a_topic_are_refused() -> None:
    with pytest.raises(ExtensionError, match=r"Set module\.subscription\.1\.topic"):
        broker({f"{NAME}1.qos": 1})
    point = broker({}).core.hooks.point("client.connected")
    assert Subscription.name not in map(point.owner_of, point.callbacks)
