"""Pages of the subscriptions of a whole fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
import pytest

from app.broker.metrics import Metrics
from app.node.pager import Pager, ReadBudget
from app.node.proxy import PageRequest, RowsPage, SubscriptionQuery
from app.node.subscription_pages import filtered_page, page_of_all
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
        return self.made(lambda pager: page_of_all(pager, NODE, self.channels, page, asdict, total))

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
