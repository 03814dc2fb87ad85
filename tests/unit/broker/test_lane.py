"""The express lane: whatever happens, nobody can tell it from the ordinary way; and what goes by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.broker.client_info import ClientInfo
from app.broker.hooks import Stop
from app.broker.lane import CLOSED, MAX_LANE_BYTES
from app.broker.message import Message
from app.broker.wire import ClientCounters
from app.config.kinds import rate, whole
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Disconnect,
    Pingreq,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscribeFilter,
    Unsubscribe,
)
from tests.harness.playbook import LARGEST, connect_packet
from tests.unit.broker.wires import House, Peer

VERSIONS = {"a": MQTT_3_1_1, "b": MQTT_3_1_1, "c": MQTT_5, "d": MQTT_5, "e": MQTT_5}
OWN_FORMS = {"e": {"maximum_packet_size": 1_000_000}}
"""Properties of a client that nothing is put on the lane for, though what it sends takes it."""
TOPICS = ("t", "t/1", "t/" + "long" * 40)
FILTERS = (*TOPICS, "t/+", "#", "$share/g/t", "made")


class Client:
    """A client that comes and goes, and acknowledges when it is told to."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.name, self.version = house, name, VERSIONS[name]
        self.peer: Peer | None = None
        self.heard: list[bytes] = []
        self.owed: list[bytes] = []
        """Answers that it has not sent yet."""
        self.last_id = 0

    def come(self, *, clean: bool) -> None:
        if self.peer is None or self.peer.transport.closing:
            self.owed.clear()
            self.peer = self.house.peer()
            self.decoder = FrameDecoder(LARGEST, self.version, server=False)
            properties = OWN_FORMS.get(self.name, {})
            if self.version == MQTT_5:
                properties = {"session_expiry_interval": 100, **properties}
            packet = connect_packet(
                self.name, version=self.version, clean_start=clean, properties=properties
            )
            self.send(packet.encode(self.version))

    def send(self, data: bytes, cuts: tuple[int, ...] = ()) -> None:
        peer = self.peer
        if peer is None:
            return
        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        for start, end in pairwise(places):
            if not peer.transport.closing:
                peer.loop.turn(peer.connection.data_received, data[start:end])
        peer.loop.turns(4)

    def listen(self) -> None:
        """Take what was sent to it, and work out what it owes."""
        if self.peer is None:
            return
        writes, self.peer.transport.writes = self.peer.transport.writes, []
        data = b"".join(writes)
        self.heard.append(data)
        for packet in self.decoder.feed(data):
            if isinstance(packet, Publish) and packet.qos:
                answer: Any = (Puback if packet.qos == 1 else Pubrec)(packet.packet_id or 0)
            elif isinstance(packet, Pubrec):
                answer = Pubrel(packet.packet_id)
            elif isinstance(packet, Pubrel):
                answer = Pubcomp(packet.packet_id)
            else:
                continue
            self.owed.append(answer.encode(self.version))


def verdict(client: ClientInfo, action: str, topic: str, _before: object) -> Stop:
    """Keep one client from publishing on one topic."""
    return Stop((client.clientid, action, topic) != ("a", "publish", "t/1"))


class Rule:
    """Hears of messages on one topic, and may send each on to another one: the same on either way."""

    def __init__(self, house: House, *, publishes: bool) -> None:
        self.house = house
        self.publishes = publishes
        self.heard: list[tuple[str, int, bytes]] = []
        house.core.hooks.point("message.publish").add(self.on_message, interest=self.interest)

    def interest(self, topic: str) -> Any:
        return self if topic == "t" else False

    def on_message(self, message: Message) -> None:
        if message.topic == "t" and message.clientid is not None:
            self.apply(message.clientid, message.qos, message.payload)

    def hear(
        self, client: ClientInfo, _topic: str, qos: int, _at_ms: int, payloads: Sequence[bytes]
    ) -> None:
        for payload in payloads:
            self.apply(client.clientid, qos, payload)

    def apply(self, clientid: str, qos: int, payload: bytes) -> None:
        self.heard.append((clientid, qos, payload))
        if self.publishes:
            self.house.core.publish(Message("made", payload, qos, False, 0))


class Story:
    """The same events in one house."""

    def __init__(
        self, *, express: bool, guarded: bool, overflow: str = "backpressure", rule: str = ""
    ) -> None:
        self.house = House(
            shared_subscription_strategy="round_robin",
            zone={
                "max_inflight": 3,
                "max_output_buffer": 4_096,
                "max_mqueue_len": 5,
                "mqueue_overflow": overflow,
                "mqueue_backpressure_timeout_s": 3.0,
            },
        )
        if guarded:
            self.house.core.hooks.point("client.check_acl").add(verdict)
        if not express:
            self.house.core.hooks.point("message.acked").add(lambda *_: None)
        self.rule = Rule(self.house, publishes=rule == "publishes") if rule else None
        self.clients = {name: Client(self.house, name) for name in VERSIONS}

    def tell(self, event: tuple[Any, ...]) -> None:
        kind, name, *details = event
        client = self.clients[name]
        getattr(self, kind)(client, *details)
        for one in self.clients.values():
            one.listen()

    def come(self, client: Client, clean: bool) -> None:
        client.come(clean=clean)

    def subscribe(self, client: Client, topic: str, qos: int, rap: bool) -> None:
        wanted = SubscribeFilter(
            topic, qos=qos, retain_as_published=rap and client.version == MQTT_5
        )
        client.send(Subscribe(9, (wanted,)).encode(client.version))

    def unsubscribe(self, client: Client, topic: str) -> None:
        client.send(Unsubscribe(9, (topic,)).encode(client.version))

    def publish(
        self, client: Client, packets: list[tuple[Any, ...]], times: int, cuts: tuple[int, ...]
    ) -> None:
        frames = []
        for topic, qos, retain, dup, payload, described in packets * times:
            client.last_id = client.last_id % 4 + 1
            packet = Publish(
                topic,
                payload,
                qos,
                retain,
                dup and qos > 0,
                client.last_id if qos else None,
                {"content_type": "x"} if described and client.version == MQTT_5 else {},
            )
            frames.append(packet.encode(client.version))
        client.send(b"".join(frames), cuts)

    def answer(self, client: Client, count: int, cuts: tuple[int, ...]) -> None:
        due, client.owed = client.owed[:count], client.owed[count:]
        client.send(b"".join(due), cuts)

    def misbehave(self, client: Client, data: bytes) -> None:
        client.send(data)

    def ping(self, client: Client) -> None:
        client.send(Pingreq().encode(client.version))

    def leave(self, client: Client) -> None:
        client.send(Disconnect().encode(client.version))

    def lose(self, client: Client) -> None:
        if client.peer is not None and not client.peer.transport.closing:
            client.peer.transport.lose()

    def stall(self, client: Client, stalled: bool) -> None:
        peer = client.peer
        if peer is not None and not peer.transport.closing:
            connection = peer.connection
            if connection.paused is not stalled:
                peer.loop.turn(connection.pause_writing if stalled else connection.resume_writing)
                peer.loop.turns(4)

    def wait(self, _client: Client, seconds: int) -> None:
        self.house.playbook.advance(seconds)
        self.house.loop.turns(4)

    def outcome(self) -> dict[str, Any]:
        core = self.house.core
        return {
            "rule": self.rule and self.rule.heard,
            "heard": {name: client.heard for name, client in self.clients.items()},
            "metrics": core.metrics.snapshot(),
            "counters": {
                name: {counter: getattr(channel.counters, counter) for counter in COUNTERS}
                for name, channel in core.cm.channels.items()
            },
            "queued": {
                name: sorted(one.message.payload for one in channel.session.mqueue)
                for name, channel in core.cm.channels.items()
                if channel.session is not None
            },
            "inflight": {
                name: [
                    (number, one.message.topic, one.message.payload, one.qos, one.released)
                    for number, one in channel.session.inflight.items()
                ]
                for name, channel in core.cm.channels.items()
                if channel.session is not None
            },
        }


COUNTERS = [name for name in dir(ClientCounters) if name.startswith(("recv_", "send_"))]
NAMES = st.sampled_from(sorted(VERSIONS))
CUTS = st.lists(st.integers(0, 500), max_size=3).map(tuple)
PACKETS = st.lists(
    st.tuples(
        st.sampled_from(TOPICS),
        st.integers(0, 2),
        st.integers(0, 9).map(lambda n: n == 0),
        st.integers(0, 9).map(lambda n: n == 0),
        st.sampled_from((b"", b"x", b"y", b"z" * 200)),
        st.integers(0, 5).map(lambda n: n == 0),
    ),
    min_size=1,
    max_size=6,
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), NAMES, PACKETS, st.integers(1, 4), CUTS),
        st.tuples(st.just("publish"), NAMES, PACKETS, st.integers(1, 4), CUTS),
        st.tuples(st.just("answer"), NAMES, st.integers(1, 9), CUTS),
        st.tuples(st.just("answer"), NAMES, st.integers(1, 9), CUTS),
        st.tuples(
            st.just("subscribe"), NAMES, st.sampled_from(FILTERS), st.integers(0, 2), st.booleans()
        ),
        st.tuples(st.just("unsubscribe"), NAMES, st.sampled_from(FILTERS)),
        st.tuples(st.just("come"), NAMES, st.booleans()),
        st.tuples(st.just("ping"), NAMES),
        st.tuples(st.just("wait"), NAMES, st.integers(1, 4)),
        st.tuples(st.just("leave"), NAMES),
        st.tuples(st.just("lose"), NAMES),
        st.tuples(st.just("stall"), NAMES, st.booleans()),
        st.tuples(
            st.just("misbehave"),
            NAMES,
            st.sampled_from(
                (
                    b"\x30\x00",
                    b"\x30\x03\x00\x01",
                    b"\x32\x05\x00\x01t\x00\x00",
                    b"\x40\x02\x00\x00",
                    b"\x40\x02\x00\x63",
                    b"\x50\x02\x00\x63",
                    b"\x62\x02\x00\x63",
                    b"\x70\x02\x00\x63",
                    b"\x34\x80\x00",
                    b"\x36\x00",
                    b"\x40\x03\x00\x01\x00",
                    b"\x30\x84\x00\x00\x01tx",
                )
            ),
        ),
    ),
    min_size=10,
    max_size=40,
)
OPENING = [("come", name, True) for name in VERSIONS] + [
    ("subscribe", name, topic, qos, False)
    for name, topic, qos in (("a", "t", 2), ("b", "t/+", 1), ("c", "t", 2), ("d", "#", 0))
]  # fmt: skip
OPENING += [
    ("publish", name, [(topic, 0, False, False, b"x", False)], 3, ())
    for name in VERSIONS
    for topic in TOPICS
]


def to_itself(qos: int, topic_filter: str, *names: str) -> list[tuple[Any, ...]]:
    """Subscribe clients, the last of which then publishes a run of different messages."""
    run = [("t", qos, False, False, payload, False) for payload in (b"x", b"y", b"z")]
    subscribed = [("subscribe", name, topic_filter, qos, False) for name in names]
    return [*subscribed, ("publish", names[-1], run, 2, ())]


@settings(max_examples=100, deadline=None)
@example(to_itself(2, "$share/g/t", "b"), False, "drop_new", "")
@example(to_itself(1, "$share/g/t", "c", "b"), False, "backpressure", "")
@example(to_itself(1, "#", "e"), False, "drop_oldest", "")
@example(to_itself(0, "#", "c", "a"), False, "drop_oldest", "")
@example(to_itself(0, "$share/g/t", "a"), False, "drop_oldest", "hears")
@example(to_itself(1, "made", "b"), False, "drop_oldest", "publishes")
@given(
    EVENTS,
    st.booleans(),
    st.sampled_from(("backpressure", "drop_oldest", "drop_new")),
    st.sampled_from(("", "hears", "publishes")),
)
def test_nobody_can_tell_the_lane_from_the_ordinary_way(
    events: list[tuple[Any, ...]], guarded: bool, overflow: str, rule: str
) -> None:
    stories = [
        Story(express=express, guarded=guarded, overflow=overflow, rule=rule)
        for express in (True, False)
    ]
    try:
        for event in (*OPENING, *events):
            for story in stories:
                story.tell(event)
        express, ordinary = (story.outcome() for story in stories)
        assert express == ordinary
        for client in stories[1].clients.values():
            assert client.peer is None or client.peer.connection.express is CLOSED
    finally:
        for story in stories:
            story.house.close()


# -- what goes by it ---------------------------------------------------------------------------


class Spy:
    """Counts what the ordinary way has to do."""

    def __init__(self, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fed = 0
        real: Callable[[bytes], None] = peer.connection._feed_decoder

        def count(data: bytes) -> None:
            self.fed += 1
            real(data)

        monkeypatch.setattr(type(peer.connection), "_feed_decoder", lambda _, data: count(data))


def pair(qos: int, version: int = MQTT_3_1_1, **settings: Any) -> tuple[House, Peer, Peer]:
    house = House(**settings)
    publisher, subscriber = arrive(house, "p", version), arrive(house, "s", version)
    subscriber.sends(Subscribe(1, (SubscribeFilter("t", qos=qos),)).encode(version))
    subscriber.receives()
    for _ in range(2):
        deliver_one(publisher, subscriber, qos, version)
    return house, publisher, subscriber


def arrive(house: House, clientid: str, version: int) -> Peer:
    peer = house.peer()
    peer.decoder = FrameDecoder(LARGEST, version, server=False)
    peer.sends(connect_packet(clientid, version=version).encode(version))
    peer.receives()
    return peer


def deliver_one(publisher: Peer, subscriber: Peer, qos: int, version: int) -> None:
    """Take one message through all its packets."""
    publisher.sends(Publish("t", b"x", qos, packet_id=7 if qos else None).encode(version))
    (got,) = subscriber.receives()
    assert isinstance(got, Publish)
    assert (got.topic, got.payload, got.qos) == ("t", b"x", qos)
    if qos == 1:
        assert publisher.receives() == [Puback(7)]
        subscriber.sends(Puback(got.packet_id or 0).encode(version))
    elif qos == 2:
        assert publisher.receives() == [Pubrec(7)]
        publisher.sends(Pubrel(7).encode(version))
        assert publisher.receives() == [Pubcomp(7)]
        subscriber.sends(Pubrec(got.packet_id or 0).encode(version))
        assert subscriber.receives() == [Pubrel(got.packet_id or 0)]
        subscriber.sends(Pubcomp(got.packet_id or 0).encode(version))


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_topic_that_came_before_takes_the_lane_all_the_way(
    qos: int, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, publisher, subscriber = pair(qos, version)
    spy = Spy(publisher, monkeypatch)
    deliver_one(publisher, subscriber, qos, version)
    assert spy.fed == 0
    assert house.core.metrics.lane_received[qos] >= 1
    house.close()


def test_a_run_of_like_messages_goes_out_in_one_piece_and_is_counted_one_by_one() -> None:
    house, publisher, subscriber = pair(0)
    frame = Publish("t", b"x").encode(MQTT_3_1_1)
    before = house.core.metrics.snapshot()["messages.received"]
    publisher.sends(frame * 50 + frame[:3])
    publisher.sends(frame[3:])
    assert len(subscriber.receives()) == 51
    after = house.core.metrics.snapshot()
    assert after["messages.received"] - before == 51
    assert after["messages.sent"] == after["messages.received"]
    house.close()


@pytest.mark.parametrize(
    "point", ["message.publish", "message.delivered", "message.acked", "message.dropped"]
)
def test_a_hook_that_has_to_hear_of_messages_hears_of_every_one(point: str) -> None:
    house, publisher, subscriber = pair(1)
    heard: list[object] = []

    def callback(*args: object) -> None:
        heard.extend(one for one in args if isinstance(one, Message))

    house.core.hooks.point(point).add(callback)
    if point == "message.dropped":
        subscriber.sends(Unsubscribe(2, ("t",)).encode(MQTT_3_1_1))
        subscriber.receives()
        publisher.sends(Publish("t", b"x", 1, packet_id=8).encode(MQTT_3_1_1))
    else:
        deliver_one(publisher, subscriber, 1, MQTT_3_1_1)
    assert len(heard) == 1
    house.core.hooks.point(point).remove(callback)
    publisher.sends(Publish("t", b"x", 1, packet_id=9).encode(MQTT_3_1_1))
    assert len(heard) == 1
    house.close()


def test_who_hears_of_verdicts_hears_of_every_one() -> None:
    house, publisher, _subscriber = pair(0)
    heard: list[tuple[object, ...]] = []
    house.core.hooks.point("client.check_acl").add(lambda *_: None)
    house.core.hooks.point("client.check_acl_complete").add(lambda *said: heard.append(said))
    for _ in range(3):
        publisher.sends(Publish("t", b"x").encode(MQTT_3_1_1))
    assert [said[1:3] for said in heard] == [("publish", "t")] * 3
    house.close()


def test_a_subscription_that_comes_or_goes_holds_from_the_next_message_on() -> None:
    house, publisher, subscriber = pair(0)
    frame = Publish("t", b"x").encode(MQTT_3_1_1)
    late = arrive(house, "late", MQTT_3_1_1)
    late.sends(Subscribe(1, (SubscribeFilter("#", qos=0),)).encode(MQTT_3_1_1))
    late.receives()
    publisher.sends(frame)
    assert [len(subscriber.receives()), len(late.receives())] == [1, 1]
    subscriber.sends(Unsubscribe(2, ("t",)).encode(MQTT_3_1_1))
    subscriber.receives()
    publisher.sends(frame)
    assert [len(subscriber.receives()), len(late.receives())] == [0, 1]
    house.close()


@pytest.mark.parametrize(
    "zone", [{"mountpoint": "m/"}, {"conn_messages_in": rate(whole(1))("1000,1s")}]
)
def test_a_client_about_whom_everything_has_to_be_asked_never_takes_the_lane(
    zone: dict[str, Any],
) -> None:
    house = House(zone=zone)
    peer = house.connect("p")
    for _ in range(3):
        peer.sends(Publish("t", b"x"))
    assert peer.connection.express is CLOSED
    house.close()


def test_what_the_acl_said_is_relied_upon_until_it_is_forgotten() -> None:
    house, publisher, subscriber = pair(0)
    verdicts: list[bool] = [True]
    house.core.hooks.point("client.check_acl").add(lambda *_: Stop(verdicts[0]))
    frame = Publish("t", b"x").encode(MQTT_3_1_1)

    def arrives() -> bool:
        publisher.sends(frame)
        publisher.loop.turns(4)
        return bool(subscriber.receives())

    assert all(arrives() for _ in range(4))
    before = house.core.metrics.snapshot()
    verdicts[0] = False
    assert all(arrives() for _ in range(4))
    after = house.core.metrics.snapshot()
    assert house.core.metrics.lane_acl_hits >= 4
    for name in ("client.acl.allow", "client.acl.cache_hit", "messages.received"):
        assert after[name] - before[name] == 4
    client = house.core.cm.channels["p"].client
    house.core.access.drain_cache(client)
    assert not arrives()
    house.close()


def test_a_hook_that_names_its_topics_leaves_the_lane_to_the_others() -> None:
    house, publisher, subscriber = pair(0)
    subscriber.sends(Subscribe(1, (SubscribeFilter("#", qos=0),)).encode(MQTT_3_1_1))
    heard: list[str] = []
    point = house.core.hooks.point("message.publish")

    def callback(message: Message) -> None:
        heard.append(message.topic)

    point.add(callback, interest=lambda topic: topic == "rule")
    for topic in ("t", "rule", "t", "rule") * 2:
        publisher.sends(Publish(topic, b"x").encode(MQTT_3_1_1))
    before = house.core.metrics.lane_received[0]
    for topic in ("t", "rule"):
        publisher.sends(Publish(topic, b"x").encode(MQTT_3_1_1))
    assert house.core.metrics.lane_received[0] == before + 1
    assert heard.count("rule") == 5
    point.remove(callback)
    publisher.sends(Publish("rule", b"x").encode(MQTT_3_1_1))
    assert heard.count("rule") == 5
    house.close()


def test_a_limit_that_is_lowered_holds_for_topics_that_took_the_lane() -> None:
    house, publisher, subscriber = pair(0)
    subscriber.sends(Subscribe(1, (SubscribeFilter("#", qos=0),)).encode(MQTT_3_1_1))
    deep = Publish("t/1", b"x").encode(MQTT_3_1_1)
    object.__setattr__(house.core.config.mqtt, "max_topic_levels", 0)
    for _ in range(3):
        publisher.sends(deep)
    object.__setattr__(house.core.config.mqtt, "max_topic_levels", 1)
    house.core.renew_express()
    publisher.sends(deep)
    assert publisher.transport.closing
    house.close()


def test_a_packet_too_long_for_the_lane_arrives_all_the_same() -> None:
    house, publisher, subscriber = pair(0)
    payload = b"y" * (MAX_LANE_BYTES + 1)
    data = Publish("t", payload).encode(MQTT_3_1_1)
    for start in range(0, len(data), 4_000):
        publisher.sends(data[start : start + 4_000])
    (got,) = subscriber.receives()
    assert isinstance(got, Publish)
    assert got.payload == payload
    house.close()


def test_who_always_sends_more_than_one_turn_takes_gets_to_the_lane_all_the_same() -> None:
    many = b"".join(Publish("t/1", b"x").encode(5) for _ in range(1_000))
    with closing(House()) as house:
        house.core.hooks.point("client.check_acl").add(lambda *_: Stop(True))
        sender = house.connect("sender")
        for expected in (2_000, 4_000):
            for _ in range(3):
                house.loop.turn(sender.connection.data_received, many)
                house.loop.turns()
            assert house.core.metrics.lane_received[0] == expected
            house.core.renew_express()
