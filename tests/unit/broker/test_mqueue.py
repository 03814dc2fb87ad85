"""The queue of a session: bounded, oldest out first, QoS 0 not held up by a full window."""

from __future__ import annotations

from app.broker.inflight import Delivery
from app.broker.message import Message
from app.broker.mqueue import MQueue


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
    assert (len(queue), queue.dropped) == (2, 1)
    assert popped(queue) == ["0b", "1c"]


def test_the_oldest_message_may_be_one_of_qos_0() -> None:
    queue = queue_of("0a", "1b", max_len=2)
    oldest = queue.push(delivery("1c"))
    assert oldest is not None
    assert oldest.message.payload == b"0a"


def test_a_queue_without_limit_drops_nothing() -> None:
    queue = MQueue(0)
    assert all(queue.push(delivery("1")) is None for _ in range(5_000))
    assert (len(queue), queue.dropped) == (5_000, 0)


def test_an_empty_queue_is_false_and_has_nothing_to_give() -> None:
    queue = MQueue(10)
    assert not queue
    assert queue.pop(with_acks=True) is None


def test_its_size_is_that_of_the_payloads() -> None:
    assert queue_of("1ab", "0abc").size_bytes == 7
