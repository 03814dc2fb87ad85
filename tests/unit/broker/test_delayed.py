"""Delayed publish: `$delayed/{seconds}/{topic}`."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.delayed import SLICE, Parts, mounted, parse, target_of
from app.broker.hooks import Ok
from app.broker.message import Message
from app.broker.records import BanRecord
from app.config import DelayedConfig
from app.mqtt.packets import MQTT_3_1_1, Puback, Publish, Pubrec, Will
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Client, Playbook, only

NOW_S = 1_700_000_000


def listening(playbook: Playbook, topic_filter: str = "#") -> Client:
    client = playbook.connect("listener")
    client.subscribes(topic_filter)
    return client


def heard(client: Client) -> list[tuple[str, bytes]]:
    return [(packet.topic, packet.payload) for packet in client.receives()]


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("$delayed/5/t", Parts(5, "t")),
        ("$delayed/0/a/b/", Parts(0, "a/b/")),
        ("$delayed/4294966/t", Parts(4_294_966, "t")),
        (f"$delayed/{NOW_S + 60}/t", Parts(60, "t")),
        (f"$delayed/{NOW_S - 60}/t", Parts(0, "t")),
        (f"$delayed/{NOW_S + 4_294_967}/t", Parts(4_294_967, "t")),
        ("$delayed/1/$delayed/2/t", Parts(1, "$delayed/2/t")),
        (f"$delayed/{NOW_S + 4_294_968}/t", None),
        ("$delayed/t", None),
        ("$delayed//t", None),
        ("$delayed/5", None),
        ("$delayed/5/", None),
        ("$delayed/-1/t", None),
        ("$delayed/1.5/t", None),
        ("$delayed/٥/t", None),
        ("$delayed/" + "9" * 5_000 + "/t", None),
        ("$delayed/5/$SYS/brokers", None),
        ("$delayed/5/$share/g/t", None),
    ],
)
def test_a_delayed_topic_is_a_number_and_a_topic(topic: str, parts: Parts | None) -> None:
    assert parse(topic, NOW_S) == parts


def test_the_topic_that_a_message_is_for_is_found_and_mounted() -> None:
    assert target_of("$delayed/1/$delayed/2/a/b") == "a/b"
    assert mounted("m/", "$delayed/5/t") == "$delayed/5/m/t"
    assert mounted("m/", "t") == "m/t"


def test_a_message_is_published_when_its_time_has_come() -> None:
    playbook = Playbook()
    client = listening(playbook)
    playbook.connect("p").sends(Publish("$delayed/5/t", b"later"))
    playbook.advance(4.75)
    assert heard(client) == []
    assert len(playbook.core.delayed) == 1
    playbook.advance(0.25)
    assert heard(client) == [("t", b"later")]
    assert len(playbook.core.delayed) == 0


def test_a_message_for_a_moment_is_published_then_and_one_for_the_past_at_once() -> None:
    playbook = Playbook()
    client = listening(playbook)
    playbook.connect("p").sends(
        Publish(f"$delayed/{NOW_S + 10}/then", b""), Publish(f"$delayed/{NOW_S - 10}/now", b"")
    )
    playbook.advance(0.25)
    assert heard(client) == [("now", b"")]
    playbook.advance(9.75)
    assert heard(client) == [("then", b"")]


def test_who_publishes_later_is_told_that_it_was_taken() -> None:
    playbook = Playbook()
    client = playbook.connect()
    client.sends(Publish("$delayed/5/t", b"", 1, packet_id=1))
    client.sends(Publish("$delayed/5/t", b"", 2, packet_id=2))
    assert client.receives() == [Puback(1), Pubrec(2)]
    counted = playbook.counted()
    assert counted["messages.delayed"] == 2
    assert "messages.dropped" not in counted


@pytest.mark.parametrize("topic", ["$delayed/x/t", "$delayed/5", "$delayed/5/$SYS/t"])
def test_a_form_that_cannot_be_read_is_refused(topic: str) -> None:
    playbook = Playbook()
    client = listening(playbook)
    publisher = playbook.connect("p")
    publisher.sends(Publish(topic, b"", 1, packet_id=1))
    assert publisher.receives() == [Puback(1, ReasonCode.TOPIC_NAME_INVALID)]
    old = playbook.connect("old", version=MQTT_3_1_1)
    old.sends(Publish(topic, b"", 1, packet_id=1))
    assert old.receives() == [Puback(1)]
    playbook.advance(10)
    assert heard(client) == []
    assert playbook.counted()["packets.publish.error"] == 2


def test_so_many_messages_may_wait_and_no_more() -> None:
    playbook = Playbook(delayed=DelayedConfig(max_delayed_messages=2))
    client = playbook.connect()
    for packet_id in (1, 2, 3):
        client.sends(Publish("$delayed/5/t", b"", 1, packet_id=packet_id))
    assert client.receives() == [Puback(1), Puback(2), Puback(3, ReasonCode.QUOTA_EXCEEDED)]
    assert playbook.publish("$delayed/5/t") == 0
    assert playbook.counted()["messages.dropped.delayed"] == 1
    playbook.advance(5)
    client.sends(Publish("$delayed/5/t", b"", 1, packet_id=4))
    assert client.receives() == [Puback(4)]


@pytest.mark.parametrize("kind", ["clientid", "username", "peerhost"])
def test_a_publisher_who_was_banned_meanwhile_is_not_heard(kind: str) -> None:
    playbook = Playbook()
    client = listening(playbook)
    publisher = playbook.connect("p", username="u", peerhost="10.0.0.9")
    publisher.sends(Publish("$delayed/5/t", b""))
    who = {"clientid": "p", "username": "u", "peerhost": "10.0.0.9"}[kind]
    playbook.core.banned.add(BanRecord(kind, who, "", "", 0, None))
    playbook.counted()
    playbook.advance(5)
    assert heard(client) == []
    assert playbook.counted()["messages.dropped.delayed"] == 1


def test_the_acl_is_asked_about_the_topic_that_the_message_is_for() -> None:
    playbook = Playbook()
    asked: list[tuple[str, str]] = []

    def check(_client: object, action: str, topic: str, _verdict: bool) -> Ok:
        asked.append((action, topic))
        return Ok(False)

    playbook.hook("client.check_acl", check)
    client = playbook.connect(will=Will("$delayed/1/w", b""))
    client.sends(Publish("$delayed/5/t", b"", 1, packet_id=1))
    assert client.receives() == [Puback(1, ReasonCode.NOT_AUTHORIZED)]
    client.crashes()
    assert asked == [("publish", "t"), ("publish", "w")]
    assert len(playbook.core.delayed) == 0


def test_wills_and_messages_of_the_api_can_be_delayed_too() -> None:
    playbook = Playbook()
    client = listening(playbook)
    playbook.connect("p", will=Will("$delayed/5/will", b"gone")).crashes()
    assert playbook.publish("$delayed/5/api", b"") == 1
    assert heard(client) == []
    playbook.advance(5)
    assert heard(client) == [("will", b"gone"), ("api", b"")]


def test_a_mountpoint_goes_before_the_topic_and_not_before_the_delay() -> None:
    playbook = Playbook(zone={"mountpoint": "m/"})
    client = listening(playbook, "t")
    playbook.connect("p").sends(Publish("$delayed/5/t", b"x"))
    playbook.advance(5)
    assert heard(client) == [("t", b"x")]


def test_a_retained_message_is_retained_when_it_is_published() -> None:
    playbook = Playbook()
    playbook.connect("p").sends(Publish("$delayed/5/t", b"x", retain=True))
    assert len(playbook.core.retained) == 0
    playbook.advance(5)
    assert [message.topic for message in playbook.core.retained.match("t")] == ["t"]


def test_expiry_counts_from_when_the_message_is_published() -> None:
    playbook = Playbook()
    client = listening(playbook)
    packet = Publish("$delayed/10/t", b"x", properties={"message_expiry_interval": 3})
    playbook.connect("p").sends(packet)
    playbook.advance(10)
    assert only(client.receives()).properties == {"message_expiry_interval": 3}


def test_delayed_messages_are_counted_while_they_wait() -> None:
    playbook = Playbook()
    playbook.publish("$delayed/5/t")
    assert playbook.broker.stats.snapshot()["delayed.count"] == 1
    playbook.advance(5)
    snapshot = playbook.broker.stats.snapshot()
    assert (snapshot["delayed.count"], snapshot["delayed.max"]) == (0, 1)


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from([0.0, 0.25, 1.0, 2.5])), max_size=12))
def test_messages_come_when_a_list_of_moments_says(steps: list[tuple[int, float]]) -> None:
    playbook = Playbook()
    client = listening(playbook)
    model: list[tuple[float, int]] = []
    at_s = 0.0
    said: list[int] = []
    due: list[int] = []
    for number, (delay_s, pause_s) in enumerate(steps):
        playbook.publish(f"$delayed/{delay_s}/{number}")
        # Never in the same turn: what is due now is published at the next tick.
        model.append((max(at_s + delay_s, math.nextafter(at_s, math.inf)), number))
        at_s += pause_s
        playbook.advance(pause_s)
        said += [int(packet.topic) for packet in client.receives()]
        due = [n for moment, n in sorted(model) if moment <= at_s]
        assert sorted(said) == sorted(due)
    playbook.advance(10)
    said += [int(packet.topic) for packet in client.receives()]
    assert sorted(said) == list(range(len(steps)))


def test_many_messages_that_are_due_at_once_go_out_in_slices_and_in_order() -> None:
    playbook = Playbook()
    client = listening(playbook)
    count = 2 * SLICE + 10
    for number in range(count):
        playbook.publish(f"$delayed/5/t/{number}")
    playbook.core.spawn = playbook._spawned.append  # as an event loop does: from the next turn on
    playbook.advance(5)
    got: list[str] = []
    for left in (SLICE, SLICE, 10):
        playbook.settle()
        new = [topic for topic, _ in heard(client)]
        assert len(new) == left
        got += new
    assert got == [f"t/{number}" for number in range(count)]
    assert len(playbook.core.delayed) == 0


def test_a_delayed_message_that_fails_does_not_keep_the_others(caplog) -> None:
    playbook = Playbook()
    client = listening(playbook)
    works = playbook.core.delayed._publish

    def publish(message: Message) -> int:
        if message.topic == "a":
            raise RuntimeError("a bug of ours")
        return works(message)

    playbook.core.delayed._publish = publish
    playbook.publish("$delayed/5/a")
    playbook.publish("$delayed/5/b")
    playbook.advance(5)
    assert [topic for topic, _ in heard(client)] == ["b"]
    assert "A delayed message on a failed" in caplog.text


def test_those_that_wait_are_listed_in_their_order_and_can_be_cancelled() -> None:
    playbook = Playbook()
    listener = listening(playbook)
    for seconds, payload in ((5, b"a"), (1, b"b"), (9, b"c")):
        playbook.publish(f"$delayed/{seconds}/t", payload)
    delayed = playbook.core.delayed
    assert [one.message.payload for one in delayed.waiting(1, 9)] == [b"b", b"c"]
    first, second, third = delayed.waiting(0, 3)
    assert delayed.find(second.message.id) is second
    assert delayed.cancel(first.message.id) is True
    assert delayed.cancel(first.message.id) is False
    assert len(delayed) == 2
    playbook.advance(6)
    assert heard(listener) == [("t", b"b")]
    assert delayed.waiting(0, 3) == [third]
