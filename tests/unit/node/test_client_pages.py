"""Pages of the clients that are connected."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from app.broker.metrics import Metrics
from app.node.client_pages import connected_page
from app.node.pager import Pager, ReadBudget
from app.node.proxy import PageRequest, RowsPage


class Channel:
    """As much of a channel as such a page looks at."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_connected = number % 3 != 0


def listed(count: int, page: PageRequest) -> tuple[list[int], RowsPage]:
    channels: list[Any] = [Channel(number) for number in range(count)]

    async def run() -> RowsPage:
        pager = Pager(1, ReadBudget(1.0, Metrics()))
        return await connected_page(
            pager, channels, page, lambda one: one, lambda one: {"number": one.number}
        )

    made = asyncio.run(run())
    assert not channels, "the snapshot is let go of"
    return [row["number"] for row in orjson.loads(b"[%b]" % made.rows)], made


@pytest.mark.parametrize(("number", "limit"), [(1, 5), (2, 5), (3, 7), (10, 7), (1, 100), (9, 50)])
def test_a_page_is_a_slice_of_those_that_are_connected(number: int, limit: int) -> None:
    connected = [one for one in range(100) if one % 3]
    start = (number - 1) * limit
    found, made = listed(100, PageRequest(number, limit, counted=True))
    assert found == connected[start : start + limit]
    assert (made.total, made.hasnext) == (len(connected), len(connected) > start + limit)


def test_nobody_is_a_page_too() -> None:
    found, made = listed(0, PageRequest(1, 5, counted=True))
    assert (found, made.total, made.hasnext) == ([], 0, False)
