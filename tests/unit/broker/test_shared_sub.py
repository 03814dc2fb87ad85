"""Shared subscriptions: one member a message, chosen as the strategy says."""

from __future__ import annotations

from collections import Counter

import pytest

from app.broker.message import Message
from app.broker.router import Router, SubOptions
from app.broker.shared_sub import STRATEGIES, SharedSubscriptions
from tests.harness.playbook import Playbook


class Member:
    """A session, as a group sees it."""

    def __init__(self, clientid: str, is_connected: bool = True, takes: bool = True) -> None:
        self.clientid = clientid
        self.is_connected = is_connected
        self.takes = takes
        self.got: list[Message] = []

    def deliver(self, message: Message, options: SubOptions) -> bool:
        if self.takes:
            self.got.append(message)
        return self.takes


class Group:
    """A group of three members, and a way to publish to it."""

    def __init__(self, strategy: str, *members: Member) -> None:
        self.router = Router()
        self.shared = SharedSubscriptions(self.router, strategy)
        self.members = members or tuple(Member(name) for name in "abc")
        for member in self.members:
            self.shared.add("g", "t/#", member, SubOptions())

    def publish(self, publisher: str | None = "p", topic: str = "t") -> str | None:
        """Publish and return who got it."""
        before = [len(member.got) for member in self.members]
        for receiver, options in self.router.match(topic):
            receiver.deliver(Message(topic, b"", 0, False, 0, publisher), options)
        got = [
            member.clientid
            for member, count in zip(self.members, before, strict=True)
            if len(member.got) > count
        ]
        assert len(got) <= 1
        return got[0] if got else None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_gives_each_message_to_exactly_one_member(strategy: str) -> None:
    group = Group(strategy)
    for number in range(30):
        assert group.publish(f"p{number % 4}", f"t/{number % 5}") is not None
    assert sum(len(member.got) for member in group.members) == 30


@pytest.mark.parametrize("strategy", ["random", "local"])
def test_random_reaches_everybody(strategy: str) -> None:
    group = Group(strategy)
    assert {group.publish() for _ in range(200)} == {"a", "b", "c"}


def test_round_robin_takes_turns_for_each_publisher() -> None:
    group = Group("round_robin")
    assert [group.publish("p") for _ in range(4)] == ["a", "b", "c", "a"]
    assert [group.publish("q") for _ in range(2)] == ["a", "b"]
    assert group.publish("p") == "b"


def test_sticky_stays_with_one_member_until_it_leaves() -> None:
    group = Group("sticky")
    first = group.publish()
    assert {group.publish() for _ in range(20)} == {first}
    (stuck,) = [member for member in group.members if member.clientid == first]
    group.shared.remove("g", "t/#", stuck)
    second = group.publish()
    assert second not in (None, first)
    assert {group.publish() for _ in range(20)} == {second}


@pytest.mark.parametrize("strategy", ["hash", "hash_clientid"])
def test_hashes_of_publishers_keep_a_publisher_with_one_member(strategy: str) -> None:
    group = Group(strategy)
    for publisher in "pqrstuvw":
        assert len({group.publish(publisher, f"t/{n}") for n in range(10)}) == 1
    assert len({group.publish(publisher) for publisher in "pqrstuvwxyz"}) > 1


def test_hashes_of_topics_keep_a_topic_with_one_member() -> None:
    group = Group("hash_topic")
    for number in range(10):
        assert len({group.publish(p, f"t/{number}") for p in "pqrs"}) == 1
    assert len({group.publish("p", f"t/{number}") for number in range(20)}) > 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_members_that_are_away_are_passed_over_while_somebody_is_there(strategy: str) -> None:
    group = Group(strategy, Member("a", is_connected=False), Member("b"))
    assert {group.publish(f"p{number}", f"t/{number}") for number in range(20)} == {"b"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_where_everybody_is_away_somebodys_queue_takes_the_message(strategy: str) -> None:
    group = Group(strategy, Member("a", is_connected=False), Member("b", is_connected=False))
    assert group.publish() is not None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_member_that_drops_a_message_passes_it_on(strategy: str) -> None:
    group = Group(strategy, Member("a", takes=False), Member("b"), Member("c", takes=False))
    assert {group.publish(f"p{number}", f"t/{number}") for number in range(20)} == {"b"}


def test_a_message_that_nobody_takes_is_not_taken() -> None:
    group = Group("random", Member("a", takes=False), Member("b", takes=False))
    assert group.publish() is None


def test_groups_get_a_copy_each_and_so_do_plain_subscribers() -> None:
    playbook = Playbook()
    clients = {name: playbook.connect(name) for name in ("a", "b", "c", "d")}
    clients["a"].subscribes("$share/g/t")
    clients["b"].subscribes("$share/g/t")
    clients["c"].subscribes("$share/h/t", "$queue/t")
    clients["d"].subscribes("t")
    for _ in range(10):
        playbook.publish("t")
    got = Counter({name: len(client.receives()) for name, client in clients.items()})
    assert (got["a"] + got["b"], got["c"], got["d"]) == (10, 20, 10)


def test_a_member_is_counted_once_and_gets_its_own_qos() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.subscribes("$share/g/t", qos=0)
    client.subscribes("$share/g/t", qos=1)
    assert playbook.core.shared.count == 1
    playbook.publish("t", b"", 2)
    assert [packet.qos for packet in client.receives()] == [1]


def test_the_last_member_takes_the_group_with_it() -> None:
    group = Group("random")
    for member in group.members:
        group.shared.remove("g", "t/#", member)
        group.shared.remove("g", "t/#", member)
    group.shared.remove("other", "t/#", group.members[0])
    assert (len(group.router), group.shared.count) == (0, 0)


def test_a_flood_of_publishers_does_not_fill_the_memory(monkeypatch) -> None:
    monkeypatch.setattr("app.broker.shared_sub.MAX_REMEMBERED_PUBLISHERS", 10)
    for strategy in ("round_robin", "sticky"):
        group = Group(strategy)
        for number in range(100):
            group.publish(f"p{number}")
        (receiver, _), *_ = group.router.match("t")
        assert len(receiver.turns) <= 11  # type: ignore[attr-defined]
        assert len(receiver.sticky) <= 11  # type: ignore[attr-defined]
