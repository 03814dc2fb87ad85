"""The queue of a session: bounded, oldest out first, QoS 0 not held up by a full window."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest

from app.broker.inflight import Delivery
from app.broker.message import Message
from app.broker.mqueue import MQueue, moved, queue_for
from app.config import ZoneConfig


def delivery(payload: str, qos: int = 1) -> Delivery:
    return Delivery(Message("t", payload.encode(), qos, False, 0), qos, False, None)


def queue_of(*payloads: str, max_len: int = 0) -> MQueue:
    """Make a queue of deliveries; a payload's first character is its QoS."""
    queue = MQueue(max_len)
    for payload in payloads:
        queue.push(delivery(payload, int(payload[0])))
    return queue


def popped(queue: MQueue, *, with_acks: bool = True) -> list[str]:
    payloads = []
    while (one := queue.pop(with_acks=with_acks)) is not None:
        payloads.append(one.message.payload.decode())
    return payloads


def test_what_came_first_goes_first_whatever_its_qos() -> None:
    assert popped(queue_of("1a", "0b", "2c", "0d")) == ["1a", "0b", "2c", "0d"]


def test_while_the_window_is_full_only_qos_0_goes() -> None:
    queue = queue_of("1a", "0b", "2c", "0d")
    assert popped(queue, with_acks=False) == ["0b", "0d"]
    assert popped(queue) == ["1a", "2c"]


def test_a_full_queue_gives_up_its_oldest_message() -> None:
    queue = queue_of("1a", "0b", max_len=2)
    oldest = queue.push(delivery("1c"))
    assert oldest is not None
    assert oldest.message.payload == b"1a"
    assert len(queue) == 2
    assert popped(queue) == ["0b", "1c"]


def test_the_oldest_message_may_be_one_of_qos_0() -> None:
    queue = queue_of("0a", "1b", max_len=2)
    oldest = queue.push(delivery("1c"))
    assert oldest is not None
    assert oldest.message.payload == b"0a"


def test_a_queue_without_limit_drops_nothing() -> None:
    queue = MQueue(0)
    assert all(queue.push(delivery("1")) is None for _ in range(5_000))
    assert len(queue) == 5_000


def test_an_empty_queue_is_false_and_has_nothing_to_give() -> None:
    queue = MQueue(10)
    assert not queue
    assert queue.pop(with_acks=True) is None


def test_its_size_is_that_of_the_payloads() -> None:
    assert queue_of("1ab", "0abc").size_bytes == 7


def topic_delivery(topic: str, payload: str, qos: int = 1) -> Delivery:
    return Delivery(Message(topic, payload.encode(), qos, False, 0), qos, False, None)


def zone_with(**settings: object) -> ZoneConfig:
    return replace(ZoneConfig("z"), **settings)  # type: ignore[arg-type]


def priority_queue(default: str = "lowest", max_len: int = 0) -> MQueue:
    return queue_for(
        zone_with(
            mqueue_priorities=(("low", 1), ("high", 3)),
            mqueue_default_priority=default,
            max_mqueue_len=max_len,
        )
    )


def test_without_priorities_a_zone_gets_the_plain_queue() -> None:
    assert type(queue_for(zone_with())) is MQueue


@pytest.mark.parametrize(
    ("default", "order"),
    [("lowest", ["high", "low", "other"]), ("highest", ["other", "high", "low"])],
)
def test_higher_priorities_go_first(default: str, order: list[str]) -> None:
    queue = priority_queue(default)
    for topic in ("other", "low", "high"):
        queue.push(topic_delivery(topic, topic))
    assert popped(queue) == order
    assert queue.is_empty()


def test_a_priority_that_had_its_share_lets_the_next_one_have_a_turn() -> None:
    queue = priority_queue()
    for _ in range(100):
        queue.push(topic_delivery("high", "high"))
        queue.push(topic_delivery("low", "low"))
    order = [(payload, len(list(run))) for payload, run in groupby(popped(queue))]
    assert order[:4] == [("high", 40), ("low", 20), ("high", 40), ("low", 20)]
    assert sum(count for _, count in order) == 200


def test_each_priority_has_a_limit_of_its_own() -> None:
    queue = priority_queue(max_len=1)
    assert queue.push(topic_delivery("high", "1")) is None
    assert queue.is_full_for("high")
    assert not queue.is_full_for("low")
    assert queue.push(topic_delivery("low", "2")) is None
    oldest = queue.push(topic_delivery("high", "3"))
    assert oldest is not None
    assert oldest.message.payload == b"1"
    assert (len(queue), queue.size_bytes) == (2, 2)


def test_qos_0_of_a_lower_priority_is_not_held_up_by_a_full_window() -> None:
    queue = priority_queue()
    queue.push(topic_delivery("high", "1"))
    queue.push(topic_delivery("low", "0", qos=0))
    assert popped(queue, with_acks=False) == ["0"]
    assert popped(queue) == ["1"]


@pytest.mark.parametrize("priorities", [(), (("t", 1),)])
def test_a_queue_that_moves_to_another_zone_keeps_its_order_and_obeys_its_limit(
    priorities: tuple[tuple[str, int], ...],
) -> None:
    old = queue_of("1a", "0b", "2c")
    old.dropped = 7
    new, outs = moved(old, zone_with(max_mqueue_len=2, mqueue_priorities=priorities))
    assert [out.message.payload for out in outs] == [b"1a"]
    assert new.dropped == 7
    assert popped(new) == ["0b", "2c"]
    assert old.is_empty()


def test_the_first_of_a_queue_are_shown_in_the_order_in_which_they_came() -> None:
    def first(queue: MQueue, count: int) -> list[str]:
        return [one.message.payload.decode() for one in queue.first(count)]

    queue = queue_of("1a", "0b", "2c", "0d")
    assert first(queue, 3) == ["1a", "0b", "2c"]
    assert first(queue, 9) == ["1a", "0b", "2c", "0d"]
    assert first(queue_of(), 9) == []
    by_priority = queue_for(
        ZoneConfig("z", mqueue_priorities=(("high", 9),), mqueue_default_priority="lowest")
    )
    for payload in ("1a", "0b"):
        by_priority.push(delivery(payload, int(payload[0])))
    by_priority.push(Delivery(Message("high", b"1c", 1, False, 0), 1, False, None))
    assert first(by_priority, 2) == ["1c", "1a"]
    assert len(by_priority) == 3
