"""What is on its way to a client, and what waits for it."""

from __future__ import annotations

from app.node.client_messages import client_messages
from tests.harness.playbook import Playbook

NODE = "godwit@127.0.0.1"


def test_window_and_queue_are_shown_with_their_first_messages() -> None:
    book = Playbook(zone={"max_inflight": 2})
    client = book.connect("c")
    client.subscribes("t/#", qos=2)
    for number in range(5):
        book.publish(f"t/{number}", b"abc", 1 + number % 2)
    book.advance(1.5)
    found = client_messages(NODE, client.channel, 2, 7)
    assert (found.inflight.length, found.inflight.max_length) == (2, 2)
    assert [(one.topic, one.qos, one.packet_id) for one in found.inflight.first] == [
        ("t/0", 1, 1),
        ("t/1", 2, 2),
    ]
    sent = found.inflight.first[0]
    assert sent.sent_ago_ms is not None and sent.sent_ago_ms >= 1_400
    assert (found.mqueue.length, [one.topic for one in found.mqueue.first]) == (3, ["t/2", "t/3"])
    waiting = found.mqueue.first[0]
    assert (waiting.packet_id, waiting.sent_ago_ms, waiting.size) == (None, None, 3)
    assert (found.node, found.clientid, found.idle_ms) == (NODE, "c", 7)


def test_what_was_given_up_is_shown_by_its_reason() -> None:
    book = Playbook(zone={"max_inflight": 1, "max_mqueue_len": 1})
    client = book.connect("c")
    client.subscribes("t", qos=1)
    for _ in range(4):
        book.publish("t", b"", 1)
    found = client_messages(NODE, client.channel, 0, None)
    assert (found.mqueue_dropped, found.dropped) == (2, {"queue_full": 2})
    assert (found.inflight.first, found.mqueue.first) == ([], [])


def test_a_client_whose_session_is_gone_has_nothing() -> None:
    book = Playbook()
    client = book.connect("c")
    client.channel.session = None
    found = client_messages(NODE, client.channel, 5, None)
    assert (found.inflight.length, found.mqueue.length) == (0, 0)
