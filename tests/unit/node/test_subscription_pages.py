"""Pages of the subscriptions of a whole fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
import pytest

from app.broker.metrics import Metrics
from app.node import subscription_pages
from app.node.pager import Pager, ReadBudget
from app.node.proxy import PageRequest, RowsPage, SubscriptionQuery
from app.node.subscription_pages import all_of_client, filtered_page, page_of_all
from tests.harness.playbook import Playbook

NODE = "n@h"
FLEET = [("a", ["t/1", "t/2"]), ("b", []), ("c", ["t/1", "$share/g/t/1", "u"]), ("d", ["t/3"])]
ALL = [(clientid, topic) for clientid, topics in FLEET for topic in topics]


class Lists:
    """A small fleet, and how it is listed."""

    def __init__(self) -> None:
        self.playbook = Playbook()
        for clientid, topics in FLEET:
            client = self.playbook.connect(clientid)
            for topic in topics:
                client.subscribes(topic, qos=1 if topic == "u" else 0)
        self.channels = list(self.playbook.core.cm.channels.values())

    def made(self, make: Callable[[Pager], Awaitable[RowsPage]]) -> tuple[list[Any], RowsPage]:
        async def run() -> RowsPage:
            return await make(Pager(1, ReadBudget(1.0, Metrics())))

        page = asyncio.run(run())
        rows = orjson.loads(b"[%b]" % page.rows)
        return [(row["clientid"], row["topic"]) for row in rows], page

    def all(self, page: PageRequest) -> tuple[list[Any], RowsPage]:
        total = self.playbook.core.subscriptions.count
        return self.made(
            lambda pager: page_of_all(pager, NODE, [*self.channels], page, asdict, total)
        )

    def fitting(self, page: PageRequest, **query: Any) -> tuple[list[Any], RowsPage]:
        asked = SubscriptionQuery(**query)
        return self.made(
            lambda pager: filtered_page(pager, NODE, self.channels, asked, page, asdict)
        )


@pytest.fixture(scope="module")
def lists() -> Lists:
    """Return the fleet."""
    return Lists()


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 100])
def test_pages_of_any_size_make_up_the_whole_list(lists: Lists, limit: int) -> None:
    found: list[Any] = []
    number, more = 1, True
    while more:
        rows, page = lists.all(PageRequest(number, limit))
        assert page.total == len(ALL)
        found += rows
        number, more = number + 1, page.hasnext
    assert found == ALL
    assert lists.all(PageRequest(number, limit))[0] == []


def test_a_page_without_rows_tells_whether_there_are_any(lists: Lists) -> None:
    rows, page = lists.all(PageRequest(1, 0))
    assert (rows, page.hasnext) == ([], True)


def test_a_page_below_one_is_the_first(lists: Lists) -> None:
    assert lists.all(PageRequest(-3, 2))[0] == ALL[:2]


def test_what_fits_is_paged_and_not_counted(lists: Lists) -> None:
    rows, page = lists.fitting(PageRequest(1, 2), match_topic="t/#")
    assert (rows, page.total, page.hasnext) == (ALL[:2], -1, True)
    rows, page = lists.fitting(PageRequest(3, 2), match_topic="t/#")
    assert (rows, page.total, page.hasnext) == ([("d", "t/3")], -1, False)


def test_an_exact_filter_is_counted(lists: Lists) -> None:
    rows, page = lists.fitting(PageRequest(1, 2), topic="t/1")
    assert (rows, page.total, page.hasnext) == ([("a", "t/1"), ("c", "t/1")], 3, True)
    rows, page = lists.fitting(PageRequest(1, 2), topic="t/1", share="g")
    assert (rows, page.total) == ([("c", "$share/g/t/1")], 1)


def test_who_wants_a_count_gets_it(lists: Lists) -> None:
    assert lists.fitting(PageRequest(1, 1, counted=True), qos=0)[1].total == 5
    assert lists.fitting(PageRequest(1, 1), qos=1)[0] == [("c", "u")]


def test_a_client_whose_session_has_just_gone_is_stepped_over() -> None:
    gone = Lists()
    gone.channels[0].session = None
    rows, _page = gone.all(PageRequest(2, 1))
    assert rows == [("c", "$share/g/t/1")]


def test_subscriptions_of_a_client_are_shown_with_their_group() -> None:
    client = Playbook().connect("c")
    client.subscribes("a", "$share/g/b", "$queue/c", qos=1)
    expected = [
        {"node": NODE, "clientid": "c", "topic": topic, "qos": 1, "share": share}
        for topic, share in (("a", None), ("$share/g/b", "g"), ("$share/$queue/c", "$queue"))
    ]
    assert rows_of(client.channel) == expected


def test_a_client_without_a_session_is_subscribed_to_nothing() -> None:
    playbook = Playbook()
    first = playbook.connect("c")
    playbook.connect("c")
    assert rows_of(first.channel) == []


def rows_of(channel: Any) -> list[Any]:
    pager = Pager(100, ReadBudget(1.0, Metrics()))
    made = asyncio.run(all_of_client(pager, NODE, channel, asdict))
    return list(orjson.loads(b"[%b]" % made))


def test_a_session_with_very_many_subscriptions_is_read_in_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription_pages, "MANY", 2)
    lists = Lists()
    slices: list[int] = []

    async def use(pager: Pager) -> RowsPage:
        rows = orjson.loads(b"[%b]" % await all_of_client(pager, NODE, lists.channels[2], asdict))
        assert [row["topic"] for row in rows] == FLEET[2][1]
        slices.append(pager.budget._metrics.loop_read_slices)
        return RowsPage(b"", 0, hasnext=False)

    lists.made(use)
    assert slices == [3]
    # Whom it takes long to look through comes last.
    rows, page = lists.fitting(PageRequest(1, 4), qos=0)
    assert rows == [("a", "t/1"), ("a", "t/2"), ("d", "t/3"), ("c", "t/1")]
    assert page.hasnext
    assert lists.fitting(PageRequest(2, 4), qos=0)[0] == [("c", "$share/g/t/1")]
    assert lists.fitting(PageRequest(1, 2), qos=0)[0] == [("a", "t/1"), ("a", "t/2")]
