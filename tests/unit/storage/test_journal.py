"""What goes into a group comes out of it; what is no group is told apart from one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.inflight import Delivery
from app.broker.message import Message
from app.broker.ports import StoredDelayed, StoredSession, StoredStay, StoredSubscription
from app.broker.router import SubOptions
from app.mqtt.packets import Will
from app.storage.journal import OpenGroup
from app.storage.reading import DamagedError, read
from app.storage.recovery import Recovery
from tests.unit.storage.keeping import facts

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = st.one_of(st.none(), TEXTS)
PROPERTIES: Any = st.fixed_dictionaries(
    {},
    optional={
        "payload_format_indicator": st.integers(0, 1),
        "message_expiry_interval": st.integers(0, 0xFFFF_FFFF),
        "content_type": TEXTS,
        "correlation_data": st.binary(max_size=20),
        "user_property": st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3),
    },
)
MESSAGES = st.builds(
    Message,
    TEXTS.filter(bool),
    st.binary(max_size=50),
    st.integers(0, 2),
    st.booleans(),
    st.integers(0, 2**42),
    NAMES,
    NAMES,
    NAMES,
    PROPERTIES,
)
WILLS = st.builds(
    Will, TEXTS.filter(bool), st.binary(max_size=20), st.integers(0, 2), st.booleans(), PROPERTIES
)


def session(number: int = 1, will: Will | None = None) -> StoredSession:
    return StoredSession(number, "c", 5, StoredStay({"zone": "external"}, 60, 7, None, will))


def recovered(group: OpenGroup) -> Recovery:
    recovery = Recovery()
    assert recovery.read([(1, group.close(9))]) == []
    return recovery


@given(st.lists(st.tuples(MESSAGES, st.integers(1, 2), st.booleans()), max_size=5))
def test_deliveries_come_back_as_they_were(said: list[tuple[Message, int, bool]]) -> None:
    group = OpenGroup({}, 0)
    group.session(session())
    for key, (message, qos, is_sent) in enumerate(said, 1):
        identifier = None if key % 2 else (key, 7)
        delivery = Delivery(message, qos, not is_sent, identifier)
        delivery.released = is_sent and qos == 2
        delivery.key = key
        group.delivery(1, delivery, key if is_sent else 0)
    found = recovered(group).state().sessions[0]
    back = {one.key: one for one in (*found.window, *found.queue)}
    assert set(back) == set(range(1, len(said) + 1))
    for key, (message, qos, is_sent) in enumerate(said, 1):
        one = back[key]
        assert facts(one.message) == facts(message)
        assert one.message.peerhost == message.peerhost
        assert (one.qos, one.retain) == (qos, not is_sent)
        assert one.released == (is_sent and qos == 2)
        assert one.packet_id == (key if is_sent else 0)
        assert one.identifier == (None if key % 2 else (key, 7))


def deliveries_of(messages: list[Message], first_key: int) -> list[Delivery]:
    made = [Delivery(message, 1, False, None) for message in messages]
    for key, delivery in enumerate(made, first_key):
        delivery.key = key
    return made


@given(
    MESSAGES,
    st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=5),
    st.sets(st.integers(0, 4)),
    st.sampled_from([0, 20]),
)
def test_a_run_is_what_its_messages_are_but_for_those_that_are_over(
    like: Message, payloads: list[bytes], over: set[int], highest: int
) -> None:
    group = OpenGroup({}, highest)
    group.session(session())
    run = deliveries_of([like] * len(payloads), 10)
    ids = list(range(5, 5 + len(payloads)))
    group.run(1, run, ids, like, payloads)
    group.finished_run(1, [run[place] for place in sorted(over) if place < len(run)])
    window = recovered(group).state().sessions[0].window
    left = [place for place in range(len(payloads)) if place not in over]
    assert [(one.key, one.packet_id) for one in window] == [(10 + i, 5 + i) for i in left]
    assert [one.message.payload for one in window] == [payloads[place] for place in left]
    assert {one.message.topic for one in window} <= {like.topic}
    assert {one.message.clientid for one in window} <= {like.clientid}


def test_what_was_not_said_before_and_is_over_is_not_written() -> None:
    group = OpenGroup({}, 9)
    run = deliveries_of([Message("t", b"x", 1, False, 1, "c")] * 3, 10)
    group.run(1, run[:2], [1, 2], run[0].message, [b"x", b"x"])
    group.delivery(1, run[2], 0)
    group.sent(1, run[2], 3)
    assert not group.is_empty
    group.finished_run(1, run[:2])
    group.finished(1, run[2])
    assert group.close(9) == b""
    assert [delivery.key for delivery in run] == [0, 0, 0]


def test_that_something_said_before_is_over_is_written_though_it_was_said_again() -> None:
    earlier, again = OpenGroup({}, 0), OpenGroup({}, 10)
    (delivery,) = deliveries_of([Message("t", b"x", 1, False, 1, "c")], 10)
    earlier.session(session())
    earlier.delivery(1, delivery, 7)
    first = earlier.close(9)
    again.delivery(1, delivery, 7)
    again.finished(1, delivery)
    recovery = Recovery()
    assert recovery.read([(1, first), (2, again.close(9))]) == []
    assert recovery.state().sessions[0].window == []


def test_messages_of_one_publisher_that_wait_together_share_what_they_have_in_common() -> None:
    one = Message("topic", b"1", 1, False, 1, "publisher")
    messages = [one, Message("topic", b"2", 1, False, 1, "publisher")]
    others = [
        Message("topic", b"3", 1, False, 2, "publisher"),
        Message("topic", b"4", 1, False, 2, "another"),
        Message("topic", b"55", 1, False, 2, "another"),
        Message("other", b"66", 1, False, 2, "another"),
        Message("other", b"77", 1, True, 2, "another"),
        Message("other", b"88", 1, False, 2, "another", None, None, {"content_type": "x"}),
    ]
    group = OpenGroup({}, 0)
    group.session(session())
    for delivery in deliveries_of(messages + others, 1):
        group.delivery(1, delivery, 0)
    row = group.close(9)
    assert row.count(b"topic") == 4
    recovery = Recovery()
    assert recovery.read([(1, row)]) == []
    queue = recovery.state().sessions[0].queue
    assert [facts(one.message) for one in queue] == [facts(one) for one in messages + others]
    assert {one.packet_id for one in queue} == {0}


def test_what_is_over_does_not_pile_up_in_an_open_group() -> None:
    group = OpenGroup({}, 0)
    like = Message("t", b"x" * 100, 1, False, 1, "c")
    kept = deliveries_of([like], 1)
    group.run(1, kept, [1], like, [like.payload])
    for round_ in range(100):
        some = deliveries_of([like] * 100, 2 + 100 * round_)
        group.run(1, some, range(1, 101), like, [like.payload] * 100)
        group.finished_run(1, some)
    assert len(group) < 200_000
    assert len(group._said) < 50
    row = group.close(9)
    assert row.count(like.payload) == 1


@given(WILLS)
def test_a_will_comes_back_as_it_was(will: Will) -> None:
    group = OpenGroup({}, 0)
    group.session(session(will=will))
    assert recovered(group).state().sessions[0].stay.will == will


@given(MESSAGES, st.integers(0, 2**50), TEXTS.filter(bool))
def test_retained_and_delayed_messages_come_back(
    message: Message, when_ms: int, topic: str
) -> None:
    group = OpenGroup({}, 0)
    group.retained(message, 3)
    group.delayed(StoredDelayed(4, message, topic, when_ms))
    state = recovered(group).state()
    ((sequence, kept),) = state.retained
    assert (sequence, facts(kept)) == (3, facts(message))
    (waiting,) = state.delayed
    assert (waiting.number, waiting.topic, waiting.due_at_ms) == (4, topic, when_ms)
    assert waiting.message is kept, "a message stands in its group once"


def test_options_of_a_subscription_come_back() -> None:
    options = SubOptions(2, True, True, 1, 77, None)
    group = OpenGroup({}, 0)
    group.session(session())
    group.subscribed(1, StoredSubscription("a/#", options, True))
    (one,) = recovered(group).state().sessions[0].subscriptions
    assert (one.key, one.options, one.is_exclusive) == ("a/#", options, True)


def example_row() -> bytes:
    group = OpenGroup({}, 0)
    group.session(session())
    group.retained(Message("t", b"x", 1, True, 1, "c"), 1)
    return group.close(9)


@given(st.integers(0, len(example_row()) - 1), st.integers(1, 255))
def test_a_byte_that_is_not_what_it_was_is_noticed(at: int, change: int) -> None:
    row = bytearray(example_row())
    row[at] ^= change
    with pytest.raises(DamagedError):
        read(bytes(row), Recovery())


@given(st.integers(0, len(example_row()) - 1))
def test_a_row_that_was_cut_is_noticed(size: int) -> None:
    with pytest.raises(DamagedError):
        read(example_row()[:size], Recovery())


def test_events_of_another_kind_are_damage_though_the_checksum_is_right() -> None:
    group = OpenGroup({}, 0)
    group._said.append(b"\xfa")
    with pytest.raises(DamagedError, match="cannot be read"):
        read(group.close(9), Recovery())
