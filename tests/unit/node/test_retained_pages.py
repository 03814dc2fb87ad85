"""Pages of what is retained."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.retained import RetainedStore
from app.clock import FakeClock
from app.config import RetainerConfig
from app.node.pager import Pager, ReadBudget
from app.node.proxy import PageRequest
from app.node.retained_pages import RetainedPages


class Loop:
    """A loop for as long as it is asked."""

    run = staticmethod(asyncio.run)


class Retained:
    """A store whose clock can be moved, and how it is listed."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = RetainedStore(RetainerConfig(), Metrics(), self.clock)
        self.pages = RetainedPages(Loop(), Pager(2, ReadBudget(1.0, Metrics())), self.store)

    def put(self, topic: str, payload: bytes = b"x", expiry_s: int | None = None) -> None:
        properties: Any = {} if expiry_s is None else {"message_expiry_interval": expiry_s}
        now = self.clock.wall_ms()
        self.store.on_publish(Message(topic, payload, 0, True, now, properties=properties))

    def listed(self, page: int, limit: int, topic_filter: str = "#") -> tuple[list[str], int, bool]:
        made = self.pages.page(topic_filter, PageRequest(page, limit), lambda one: {"t": one.topic})
        topics = [row["t"] for row in orjson.loads(b"[%b]" % made.rows)]
        return topics, made.total, made.hasnext


@pytest.fixture
def retained() -> Retained:
    """Return a store with six topics, one of them the broker's."""
    made = Retained()
    for topic in ("c", "$SYS/x", "a/2", "b", "a/1", "a/1/x"):
        made.put(topic)
    return made


def test_pages_follow_the_order_in_which_topics_came(retained: Retained) -> None:
    assert retained.listed(1, 2) == (["c", "a/2"], 5, True)
    assert retained.listed(2, 2) == (["b", "a/1"], 5, True)
    assert retained.listed(3, 2) == (["a/1/x"], 5, False)
    assert retained.listed(4, 2) == ([], 5, False)


def test_a_new_message_leaves_its_topic_in_its_place(retained: Retained) -> None:
    retained.put("c", b"newer")
    assert retained.listed(1, 2)[0] == ["c", "a/2"]
    retained.put("a/1", b"newer")
    assert retained.listed(1, 9, "a/#")[0] == ["a/2", "a/1", "a/1/x"]


def test_a_deleted_topic_is_not_listed(retained: Retained) -> None:
    retained.put("a/2", b"")
    assert retained.listed(1, 9) == (["c", "b", "a/1", "a/1/x"], 4, False)


def test_a_page_is_filled_up_where_messages_have_expired() -> None:
    retained = Retained()
    for topic in ("a", "b", "c", "d"):
        retained.put(topic, expiry_s=1 if topic in "ab" else None)
    retained.clock.advance(2)
    assert retained.listed(1, 1) == (["c"], 2, True)


@pytest.mark.parametrize(
    ("topic_filter", "topics"),
    [
        ("a/+", ["a/2", "a/1"]),
        ("+", ["c", "b"]),
        ("a/#", ["a/2", "a/1", "a/1/x"]),
        ("b", ["b"]),
        ("$SYS/#", ["$SYS/x"]),
        ("none/#", []),
    ],
)
def test_a_filter_lists_what_it_matches(
    retained: Retained, topic_filter: str, topics: list[str]
) -> None:
    assert retained.listed(1, 9, topic_filter) == (topics, -1, False)
    assert orjson.loads(b"[%b]" % retained.pages.topics(topic_filter)) == topics


def test_pages_of_a_filter_follow_each_other() -> None:
    retained = Retained()
    topics = [f"t/{number}" for number in range(3_500)]
    for topic in topics:
        retained.put(topic)
    pages = [retained.listed(number, 1_200, "t/+") for number in (1, 2, 3, 4)]
    assert [topic for page in pages for topic in page[0]] == topics
    assert [page[2] for page in pages] == [True, True, False, False]


def test_what_is_listed_for_everything_is_listed_without_the_brokers_own(
    retained: Retained,
) -> None:
    found = orjson.loads(b"[%b]" % retained.pages.topics("#"))
    assert sorted(found) == sorted(retained.listed(1, 9)[0])
