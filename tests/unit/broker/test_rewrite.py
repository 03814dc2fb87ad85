"""Topic rewrite: the first rule whose filter matches, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.rewrite import PRIORITY, Rewrite, rewritten
from app.config import RewriteConfig, RewriteRule
from app.config.messages import rewrite_rule
from app.mqtt.packets import Publish, SubscribeFilter, Unsuback, Unsubscribe
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Playbook


def rewriting(config: RewriteConfig, **settings: Any) -> Playbook:
    """Return a broker whose rules are in force."""
    playbook = Playbook(**settings)
    for point, callback in Rewrite(config).callbacks().items():
        playbook.core.hooks.point(point).add(callback, PRIORITY)
    return playbook


def rules(*texts: str) -> tuple[RewriteRule, ...]:
    return tuple(rule for rule in map(rewrite_rule, texts) if rule is not None)


# Of EMQX's documentation of the module.
RULES = rules(
    r"y/+/z/# ^y/(.+)/z/(.+)$ y/z/$2",
    r"x/# ^x/y/(.+)$ z/y/x/$1",
    r"x/y/+ ^x/y/(\d+)$ z/y/$1",
)


@pytest.mark.parametrize(
    ("topic", "made"),
    [
        ("y/a/z/b", "y/z/b"),
        ("y/def", "y/def"),
        ("x/1/2", "x/1/2"),
        ("x/y/2", "z/y/x/2"),
        ("x/y/z", "z/y/x/z"),
        ("a", "a"),
    ],
)
def test_the_first_rule_whose_filter_matches_decides(topic: str, made: str) -> None:
    assert rewritten(RULES, topic, "c", "u") == made


def test_client_id_and_user_name_stand_in_the_target() -> None:
    rule = rules("t/+ ^t/(.+)$ %c/%u/$1")
    assert rewritten(rule, "t/1", "c", "u") == "c/u/1"
    assert rewritten(rule, "t/1", "c", None) == "c/%u/1"
    assert rewritten(rule, "t/$1", "%u", "u") == "%u/u/$1"


def test_a_group_that_took_no_part_is_empty() -> None:
    assert rewritten(rules("# ^(a)?(b)$ x$1/$2"), "b", "c", None) == "x/b"


def test_a_topic_too_long_is_left_alone() -> None:
    rule = rules("# ^a+$ x")
    assert rewritten(rule, "a" * 1_024, "c", None) == "x"
    assert rewritten(rule, "a" * 1_025, "c", None) == "a" * 1_025


def test_no_topic_makes_a_rule_search_for_ever() -> None:
    # Where an engine backtracks, these take longer than the world is old.
    for pattern in ("^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(.*a){20}$"):
        topic = "a" * 1_000 + "b"
        assert rewritten(rules(f"# {pattern} x"), topic, "c", None) == topic


def test_groups_are_counted_in_characters() -> None:
    assert rewritten(rules("t/# ^t/(.)/(.+)$ $2/$1"), "t/é/☃☃", "c", None) == "☃☃/é"


def test_messages_and_filters_have_rules_of_their_own() -> None:
    rewrite = RewriteConfig(
        pub=rules("from/# ^from/(.+)$ to/$1"), sub=rules("wanted/# ^wanted/(.+)$ to/$1")
    )
    playbook = rewriting(rewrite)
    client = playbook.connect()
    client.subscribes("wanted/#", "from/#")
    client.sends(Publish("from/a", b"1"), Publish("other", b"2"))
    assert [packet.topic for packet in client.receives()] == ["to/a"]


def test_a_retained_message_is_kept_under_its_new_topic() -> None:
    playbook = rewriting(RewriteConfig(pub=rules("from/# ^from/(.+)$ to/$1")))
    playbook.publish("from/a", retain=True)
    assert len(playbook.core.retained.match("to/a")) == 1


NEW = {"$share/g/new/a", "new/b", "$share/$queue/new/c", "new/d"}


def test_who_unsubscribes_uses_the_filter_that_he_subscribed_to() -> None:
    playbook = rewriting(
        RewriteConfig(sub=rules("old/# ^old/(.+)$ new/$1")),
        mqtt={"exclusive_subscription": True},
    )
    client = playbook.connect()
    filters = ("$share/g/old/a", "old/b", "$queue/old/c", "$exclusive/old/d")
    client.subscribes(*filters)
    assert set(client.session.subscriptions) == NEW
    client.sends(Unsubscribe(1, (*filters, "$share/")))
    codes = (*(ReasonCode.SUCCESS for _ in filters), ReasonCode.TOPIC_FILTER_INVALID)
    assert client.receives() == [Unsuback(1, codes)]


def test_a_filter_never_gets_a_second_prefix() -> None:
    playbook = rewriting(RewriteConfig(sub=rules("old/# ^old/(.+)$ $share/h/$1")))
    client = playbook.connect()
    client.subscribes("$share/g/old/a", "old/a")
    assert set(client.session.subscriptions) == {"$share/g/old/a", "$share/h/a"}


def test_subscriptions_by_the_api_are_rewritten_as_if_the_client_had_made_them() -> None:
    playbook = rewriting(
        RewriteConfig(sub=rules("old/# ^old/(.+)$ new/$1")),
        mqtt={"exclusive_subscription": True},
    )
    client = playbook.connect()
    filters = ["$share/g/old/a", "old/b", "$queue/old/c", "$exclusive/old/d"]
    assert playbook.broker.subscribe("client", [SubscribeFilter(name, 0) for name in filters])
    assert set(client.session.subscriptions) == NEW
    assert playbook.broker.unsubscribe("client", filters)
    assert client.session.subscriptions == {}


@pytest.mark.parametrize("clientid", ["#", "+"])
def test_a_client_cannot_name_itself_into_others_topics(clientid: str) -> None:
    rewrite = RewriteConfig(sub=rules("mine ^mine$ of/%c"), pub=rules("mine ^mine$ of/%c"))
    playbook = rewriting(rewrite)
    client = playbook.connect(clientid)
    client.subscribes("mine")
    assert set(client.session.subscriptions) == {"of/%c"}


def test_a_target_that_is_no_topic_name_changes_nothing() -> None:
    playbook = rewriting(RewriteConfig(pub=rules("a ^a$ b/#")))
    client = playbook.connect()
    client.subscribes("#")
    client.sends(Publish("a", b""))
    assert [packet.topic for packet in client.receives()] == ["a"]


def test_what_the_broker_says_of_itself_is_not_rewritten() -> None:
    playbook = rewriting(RewriteConfig(pub=rules("$SYS/# ^.*$ x")))
    client = playbook.connect()
    client.subscribes("x", "$SYS/#")
    playbook.publish("$SYS/brokers")
    assert [packet.topic for packet in client.receives()] == ["$SYS/brokers"]


def test_without_rules_no_hook_is_taken() -> None:
    playbook = Playbook()
    for point in ("message.publish", "client.subscribe", "client.unsubscribe"):
        assert playbook.core.hooks.point(point).callbacks == ()


@pytest.mark.parametrize(
    "text",
    [
        "x/#",
        "x/# ^x$",
        "x/# ( y",
        "x/# ^(x)$ $2",
        "#/x ^x$ y",
        "x# ^x$ y",
        "x ^x$ y z",
        "x ((a{100}){100}){100} y",
        r"x ^(x)\1$ y",
        "x ^(?=x)x$ y",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        rewrite_rule(text)
