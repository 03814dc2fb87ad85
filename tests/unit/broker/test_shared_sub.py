"""Shared subscriptions: one member a message, chosen as the strategy says."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.broker.message import Message
from app.broker.router import Router, SubOptions
from app.broker.shared_sub import STRATEGIES, Place, SharedGroup, SharedSubscriptions
from app.config import BrokerConfig
from app.mqtt.packets import MQTT_3_1_1, Puback, Publish
from app.mqtt.properties import Properties
from tests.harness.playbook import Client, Playbook


class Member:
    """A session, as a group sees it."""

    def __init__(self, clientid: str, is_connected: bool = True, takes: bool = True) -> None:
        self.clientid = clientid
        self.is_connected = is_connected
        self.takes = takes
        self.got: list[Message] = []
        self.groups: list[SharedGroup] | None = None
        self.place = Place.WINDOW
        self.asked = 0

    def place_for(self, message: Message) -> Place:
        self.asked += 1
        return self.place

    def deliver_shared(self, message: Message, options: SubOptions, group: SharedGroup) -> bool:
        if self.takes:
            self.got.append(message)
        return self.takes


class Group:
    """A group of three members, and a way to publish to it."""

    def __init__(self, strategy: str, *members: Member, acked: bool = False) -> None:
        self.router = Router()
        config = BrokerConfig(
            shared_subscription_strategy=strategy, shared_dispatch_ack_enabled=acked
        )
        self.shared = SharedSubscriptions(self.router, config)
        self.members = members or tuple(Member(name) for name in "abc")
        for member in self.members:
            self.shared.add("g", "t/#", member, SubOptions())

    def publish(self, publisher: str | None = "p", topic: str = "t") -> str | None:
        """Publish and return who got it."""
        before = [len(member.got) for member in self.members]
        for receiver, options in self.router.match(topic).receivers:
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
        (receiver, _), *_ = group.router.match("t").receivers
        assert len(receiver.turns) <= 11  # type: ignore[attr-defined]
        assert len(receiver.sticky) <= 11  # type: ignore[attr-defined]


def test_a_large_group_asks_few_members_for_a_message() -> None:
    members = [Member(str(number)) for number in range(5_000)]
    group = Group("random", *members)
    for _ in range(100):
        assert group.publish() is not None
    assert sum(member.asked for member in members) == 100


def test_members_that_went_are_noticed_once_and_members_that_came_back_are_heard() -> None:
    members = [Member(str(number)) for number in range(50)]
    group = Group("round_robin", *members)
    for member in members[:-1]:
        member.is_connected = False
    assert {group.publish() for _ in range(10)} == {"49"}
    for shared in members[0].groups or ():
        members[0].is_connected = True
        shared.arrived(members[0])
    assert {group.publish() for _ in range(4)} == {"0", "49"}


def test_a_member_whose_queue_is_full_is_passed_over_for_one_with_room() -> None:
    full, free = Member("full"), Member("free")
    full.place, free.place = Place.NONE, Place.QUEUE
    assert {Group("random", full, free).publish() for _ in range(20)} == {"free"}


def test_acknowledged_dispatch_prefers_members_that_can_be_sent_the_message_at_once() -> None:
    busy, free = Member("busy"), Member("free")
    busy.place = Place.QUEUE
    group = Group("round_robin", busy, free, acked=True)
    (receiver, options), *_ = group.router.match("t").receivers
    for _ in range(10):
        receiver.deliver(Message("t", b"", 1, False, 0), options)
    assert (len(busy.got), len(free.got)) == (0, 10)
    free.place = Place.QUEUE
    for _ in range(10):
        receiver.deliver(Message("t", b"", 1, False, 0), options)
    assert len(busy.got) + len(free.got) == 20


def test_a_group_may_have_a_strategy_of_its_own() -> None:
    playbook = Playbook(shared_subscription_strategy="random", shared_groups={"g": "round_robin"})
    clients = [playbook.connect(name) for name in "abc"]
    for client in clients:
        client.subscribes("$share/g/t")
    for _ in range(30):
        playbook.publish("t")
    assert [len(client.receives()) for client in clients] == [10, 10, 10]


KEPT: Properties = {"session_expiry_interval": 100}


def payloads(client: Client) -> list[bytes]:
    return [packet.payload for packet in client.receives() if isinstance(packet, Publish)]


def test_what_a_member_leaves_unacknowledged_goes_to_another_but_not_qos_2_that_was_sent() -> None:
    """[MQTT-4.8.2-5] [MQTT-4.8.2-6]."""
    playbook = Playbook(zone={"max_inflight": 2})
    first = playbook.connect("first")
    first.subscribes("$share/g/t", qos=2)
    for payload, qos in ((b"1", 1), (b"2", 2), (b"3", 1), (b"4", 2)):
        playbook.publish("t", payload, qos)
    assert payloads(first) == [b"1", b"2"]
    second = playbook.connect("second")
    second.subscribes("$share/g/t", qos=2)
    first.crashes()
    got = [packet for packet in second.receives() if isinstance(packet, Publish)]
    assert [(packet.payload, packet.dup) for packet in got] == [(b"1", False), (b"3", False)]
    second.sends(Puback(got[0].packet_id or 0))
    assert payloads(second) == [b"4"]


def test_the_queue_of_a_session_that_expires_goes_to_a_member_that_joined_since() -> None:
    playbook = Playbook()
    first = playbook.connect("first", properties=KEPT)
    first.subscribes("$share/g/t", qos=1)
    first.crashes()
    playbook.publish("t", b"1", 1)
    playbook.broker.unsubscribe("first", ["$share/g/t"])
    second = playbook.connect("second")
    second.subscribes("$share/g/t", qos=1)
    playbook.advance(101)
    assert payloads(second) == [b"1"]


def test_an_expired_message_of_an_ended_session_goes_nowhere() -> None:
    playbook = Playbook()
    first = playbook.connect("first", properties=KEPT)
    first.subscribes("$share/g/t", qos=1)
    first.crashes()
    playbook.publish("t", b"1", 1, properties={"message_expiry_interval": 10})
    second = playbook.connect("second")
    second.subscribes("$share/g/t", qos=1)
    playbook.advance(101)
    assert payloads(second) == []
    assert playbook.counted()["delivery.dropped.expired"] == 1


def test_a_mountpoint_is_put_back_before_a_message_is_handed_on() -> None:
    playbook = Playbook(zone={"mountpoint": "m/"})
    first = playbook.connect("first")
    first.subscribes("$share/g/t", qos=1)
    playbook.publish("m/t", b"1", 1)
    second = playbook.connect("second")
    second.subscribes("$share/g/t", qos=1)
    first.crashes()
    assert [packet.topic for packet in second.receives() if isinstance(packet, Publish)] == ["t"]


def test_a_shared_message_pushed_out_of_a_full_queue_goes_to_another_member() -> None:
    playbook = Playbook(zone={"max_mqueue_len": 1})
    first = playbook.connect("first", properties=KEPT)
    first.subscribes("$share/g/t", "own", qos=1)
    first.crashes()
    playbook.publish("t", b"shared", 1)
    second = playbook.connect("second")
    second.subscribes("$share/g/t", qos=1)
    playbook.publish("own", b"own", 1)
    assert payloads(second) == [b"shared"]
    assert "delivery.dropped" not in playbook.counted()


def test_where_every_queue_is_full_the_oldest_message_is_dropped_and_counted() -> None:
    playbook = Playbook(zone={"max_mqueue_len": 1})
    for name in "ab":
        client = playbook.connect(name, properties=KEPT)
        client.subscribes("$share/g/t", qos=1)
        client.crashes()
    for number in range(5):
        playbook.publish("t", b"%d" % number, 1)
    assert playbook.counted()["delivery.dropped.queue_full"] == 3


def test_a_message_too_large_for_a_member_that_waits_for_it_goes_to_another() -> None:
    playbook = Playbook(zone={"max_inflight": 1})
    small = playbook.connect("small", properties={"maximum_packet_size": 100})
    small.subscribes("$share/g/t", qos=1)
    playbook.publish("t", b"1", 1)
    playbook.publish("t", b"x" * 200, 1)
    large = playbook.connect("large")
    large.subscribes("$share/g/t", qos=1)
    small.sends(Puback(1))
    assert payloads(large) == [b"x" * 200]


def test_a_client_that_is_spared_its_own_messages_leaves_them_to_the_other_members() -> None:
    playbook = Playbook(
        mqtt={"ignore_loop_deliver": True}, shared_subscription_strategy="round_robin"
    )
    clients = [playbook.connect(name, version=MQTT_3_1_1) for name in "ab"]
    for client in clients:
        client.subscribes("$share/g/t", qos=1)
    clients[0].sends(*(Publish("t", b"%d" % qos, qos=qos, packet_id=qos or None) for qos in (0, 1)))
    assert payloads(clients[0]) == []
    assert payloads(clients[1]) == [b"0", b"1"]


NAMES = "abcd"


class GroupLife(RuleBasedStateMachine):
    """Members join, leave, part, come back, acknowledge and die in any order.

    What it checks: every QoS 1 message that was published while there was a member is acknowledged by somebody in the
    end, or still with somebody, unless the last member took it along; and no QoS 0 message comes twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.playbook = Playbook(
            zone={"max_inflight": 2}, shared_dispatch_ack_enabled=self.acknowledged
        )
        self.clients: dict[str, Client] = {}
        """Whoever has a session, connected or not."""
        self.owed: dict[str, dict[int, bytes]] = {}
        """What connected clients have not acknowledged, by packet id."""
        self.joined: set[str] = set()
        self.pending: set[bytes] = set()
        self.serial = 0

    acknowledged = False

    def read(self) -> None:
        for name, owed in self.owed.items():
            for packet in self.clients[name].receives():
                if isinstance(packet, Publish):
                    owed[packet.packet_id or 0] = packet.payload

    def connected(self) -> list[str]:
        return sorted(self.owed)

    @rule(name=st.sampled_from(NAMES))
    def come(self, name: str) -> None:
        """Come for the first time, come back, or take over."""
        self.owed.pop(name, None)
        self.clients[name] = self.playbook.connect(name, clean_start=False, properties=KEPT)
        self.owed[name] = {}
        self.read()

    @precondition(lambda self: self.owed)
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.connected()))
        self.read()
        self.clients[name].subscribes("$share/g/t", qos=1)
        self.joined.add(name)

    @precondition(lambda self: self.joined)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.joined)))
        self.playbook.broker.unsubscribe(name, ["$share/g/t"])
        self.joined.discard(name)
        self.read()

    @precondition(lambda self: self.owed)
    @rule(data=st.data())
    def part(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.connected()))
        self.read()
        del self.owed[name]
        self.clients[name].crashes()

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.clients)))
        self.read()
        self.joined.discard(name)
        self.owed.pop(name, None)
        del self.clients[name]
        self.playbook.broker.kick(name)
        if not self.joined:
            # What it had went with it, for there was nobody to have it.
            self.pending &= self.held()
        self.read()

    @rule()
    def publish(self) -> None:
        self.serial += 1
        payload = b"%d" % self.serial
        if self.playbook.publish("t", payload, 1):
            self.pending.add(payload)
        self.read()

    @precondition(lambda self: any(self.owed.values()))
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name in self.connected() if self.owed[name]]))
        packet_id = data.draw(st.sampled_from(sorted(self.owed[name])))
        self.pending.discard(self.owed[name].pop(packet_id))
        self.clients[name].sends(Puback(packet_id))
        self.read()

    def held(self) -> set[bytes]:
        """Return what the sessions hold."""
        sessions = [client.session for client in self.clients.values()]
        held = [message.payload for session in sessions for message in session.held_messages()]
        held += [delivery.message.payload for session in sessions for delivery in session.mqueue]
        assert len(held) == len(set(held)), "one message with two members"
        return set(held)

    @invariant()
    def nothing_is_lost_while_there_is_a_member(self) -> None:
        assert self.held() == self.pending

    @invariant()
    def the_lists_of_the_group_agree_with_its_members(self) -> None:
        assert self.playbook.core.shared.count == len(self.joined)


class AcknowledgedGroupLife(GroupLife):
    """The same with `broker.shared_dispatch_ack_enabled`."""

    acknowledged = True


TestGroupLife = GroupLife.TestCase
TestGroupLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAcknowledgedGroupLife = AcknowledgedGroupLife.TestCase
TestAcknowledgedGroupLife.settings = TestGroupLife.settings
