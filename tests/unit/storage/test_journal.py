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
    group = OpenGroup({})
    group.session(session())
    for key, (message, qos, is_sent) in enumerate(said, 1):
        identifier = None if key % 2 else (key, 7)
        delivery = Delivery(message, qos, not is_sent, identifier)
        delivery.released = is_sent and qos == 2
        group.delivery(1, key, delivery, key if is_sent else 0)
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


@given(MESSAGES, st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_run_is_what_its_messages_are(like: Message, payloads: list[bytes]) -> None:
    group = OpenGroup({})
    group.session(session())
    first = Delivery(like, 1, False, None)
    first.key = 10
    ids = list(range(5, 5 + len(payloads)))
    group.run(1, first, ids, like, payloads)
    window = recovered(group).state().sessions[0].window
    assert [(one.key - 5, one.packet_id) for one in window] == [(i, i) for i in ids]
    assert [one.message.payload for one in window] == payloads
    assert {one.message.topic for one in window} == {like.topic}
    assert {one.message.clientid for one in window} == {like.clientid}
    group = OpenGroup({})
    group.session(session())
    group.run(1, first, ids, like, payloads)
    group.finished_run(1, [one.key for one in window[1:]])
    assert [one.key for one in recovered(group).state().sessions[0].window] == [10]


@given(WILLS)
def test_a_will_comes_back_as_it_was(will: Will) -> None:
    group = OpenGroup({})
    group.session(session(will=will))
    assert recovered(group).state().sessions[0].stay.will == will


@given(MESSAGES, st.integers(0, 2**50), TEXTS.filter(bool))
def test_retained_and_delayed_messages_come_back(
    message: Message, when_ms: int, topic: str
) -> None:
    group = OpenGroup({})
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
    group = OpenGroup({})
    group.session(session())
    group.subscribed(1, StoredSubscription("a/#", options, True))
    (one,) = recovered(group).state().sessions[0].subscriptions
    assert (one.key, one.options, one.is_exclusive) == ("a/#", options, True)


def example_row() -> bytes:
    group = OpenGroup({})
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
    group = OpenGroup({})
    group._body.append(250)
    with pytest.raises(DamagedError, match="cannot be read"):
        read(group.close(9), Recovery())
