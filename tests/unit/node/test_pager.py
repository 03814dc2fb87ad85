"""Lists made on the loop: pages, filters, slices, the budget."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from app.broker.metrics import Metrics
from app.node.pager import SCAN_ROWS_PER_ROW, Pager, ReadBudget, encode_now
from app.node.proxy import PageRequest, RowsPage


class Lists:
    """A pager on a loop of its own, over numbers."""

    def __init__(self, slice_rows: int = 10, share: float = 1.0) -> None:
        self.metrics = Metrics()
        self.slice_rows = slice_rows
        self.share = share

    def run(self, use: Any) -> Any:
        async def main() -> Any:
            return await use(Pager(self.slice_rows, ReadBudget(self.share, self.metrics)))

        return asyncio.run(main())

    def page(self, sources: list[int], page: int, limit: int) -> RowsPage:
        request = PageRequest(page, limit)
        return self.run(lambda pager: pager.page(sources, request, str, as_row))

    def filtered(self, sources: list[int], page: int, limit: int, matches: Any) -> RowsPage:
        request = PageRequest(page, limit)
        return self.run(lambda pager: pager.filtered(sources, request, matches, str, as_row))


def as_row(text: str) -> dict[str, object]:
    return {"n": int(text)}


def numbers(page: RowsPage) -> list[int]:
    return [row["n"] for row in orjson.loads(b"[" + page.rows + b"]")]


def is_even(number: int) -> bool:
    return number % 2 == 0


@pytest.mark.parametrize(
    ("page", "limit", "expected", "hasnext"),
    [
        (1, 10, list(range(10)), True),
        (3, 10, [20, 21, 22, 23, 24], False),
        (2, 25, [], False),
        (1, 25, list(range(25)), False),
        (1, 24, list(range(24)), True),
        (0, 10, list(range(10)), True),
        (-5, 10, list(range(10)), True),
        (99, 10, [], False),
        (1, 0, [], True),
    ],
)
def test_a_page_is_a_slice_of_the_list(
    page: int, limit: int, expected: list[int], hasnext: bool
) -> None:
    got = Lists().page(list(range(25)), page, limit)
    assert (numbers(got), got.total, got.hasnext) == (expected, 25, hasnext)


@pytest.mark.parametrize(
    ("page", "limit", "expected", "hasnext"),
    [
        (1, 5, [0, 2, 4, 6, 8], True),
        (2, 5, [10, 12, 14, 16, 18], True),
        (3, 5, [20, 22, 24], False),
        (1, 13, list(range(0, 25, 2)), False),
        (9, 5, [], False),
    ],
)
def test_a_filtered_page_does_not_count_the_rest(
    page: int, limit: int, expected: list[int], hasnext: bool
) -> None:
    got = Lists().filtered(list(range(25)), page, limit, is_even)
    assert (numbers(got), got.total, got.hasnext) == (expected, -1, hasnext)


def test_a_search_stops_when_its_page_is_full() -> None:
    looked_at: list[int] = []
    lists = Lists(slice_rows=1)
    lists.filtered(list(range(1_000)), 1, 5, lambda number: not looked_at.append(number))
    assert len(looked_at) <= 2 * SCAN_ROWS_PER_ROW


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 100])
def test_slices_join_without_a_seam(count: int) -> None:
    got = Lists().page(list(range(count)), 1, 1_000)
    assert numbers(got) == list(range(count))


def test_other_work_gets_a_turn_between_slices() -> None:
    ticks = 0

    async def use(pager: Pager) -> None:
        nonlocal ticks
        done = False

        async def tick() -> None:
            nonlocal ticks
            while not done:
                ticks += 1
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(tick())
            await pager.page(range(100), PageRequest(1, 100), str, as_row)
            done = True

    lists = Lists()
    lists.run(use)
    assert ticks >= 10
    assert lists.metrics.loop_read_slices >= 10


def test_two_lists_share_one_budget() -> None:
    async def use(pager: Pager) -> list[RowsPage]:
        request = PageRequest(1, 100)
        return await asyncio.gather(
            *(pager.page(range(50), request, str, as_row) for _ in range(3))
        )

    assert [len(numbers(page)) for page in Lists().run(use)] == [50, 50, 50]


class Loop:
    """A loop's time and processor: a row takes a millisecond of both, and MQTT its share of what is left."""

    def __init__(self, mqtt_share: float) -> None:
        self.mqtt_share = mqtt_share
        self.wall = 0.0
        self.cpu = 0.0

    def row(self, text: str) -> dict[str, object]:
        self.wall += 0.001
        self.cpu += 0.001
        return {"n": int(text)}

    def goes_on(self, seconds: float) -> None:
        self.wall += seconds
        self.cpu += seconds * self.mqtt_share

    def waits_of_a_page(self, budget: ReadBudget, metrics: Metrics) -> int:
        before = metrics.loop_read_waits
        page = Pager(1, budget).page(range(5), PageRequest(1, 5), str, self.row)
        asyncio.run(page)  # type: ignore[arg-type]
        return metrics.loop_read_waits - before

    def budget(self, metrics: Metrics) -> ReadBudget:
        return ReadBudget(0.5, metrics, wall_s=lambda: self.wall, loop_cpu_s=lambda: self.cpu)


@pytest.mark.parametrize(("mqtt_share", "waits"), [(0.0, False), (0.05, False), (0.5, True)])
def test_lists_wait_for_a_busy_loop_alone_also_the_first_after_a_pause(
    mqtt_share: float, waits: bool
) -> None:
    loop, metrics = Loop(mqtt_share), Metrics()
    budget = loop.budget(metrics)
    for pause_s in (10.0, 0.1, 600.0):
        loop.goes_on(pause_s)
        assert (loop.waits_of_a_page(budget, metrics) > 0) is waits


def test_a_list_that_is_given_up_while_it_waits_lets_the_others_go_on() -> None:
    async def use(pager: Pager) -> RowsPage:
        budget = pager._budget
        budget._free_at_s = float("inf")
        waiting = asyncio.get_running_loop().create_task(
            pager.page([1], PageRequest(1, 1), str, as_row)
        )
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        budget._free_at_s = 0.0
        return await pager.page([2], PageRequest(1, 1), str, as_row)

    assert numbers(Lists().run(use)) == [2]


def test_a_row_that_cannot_be_made_lets_the_others_go_on() -> None:
    async def use(pager: Pager) -> RowsPage:
        with pytest.raises(ValueError, match="invalid literal"):
            await pager.page(["x"], PageRequest(1, 1), str, as_row)
        return await pager.page([2], PageRequest(1, 1), str, as_row)

    assert numbers(Lists().run(use)) == [2]


def test_everything_that_sources_have_can_be_cut_into_parts_and_sifted() -> None:
    async def use(pager: Pager) -> tuple[list[int], list[int]]:
        sizes = [len(part) for part in pager.parts(list(range(25)))]
        return sizes, await pager.matching(list(range(25)), is_even)

    sizes, even = Lists(slice_rows=1).run(use)
    assert sizes == [10, 10, 5]
    assert even == list(range(0, 25, 2))


def test_parts_begin_anywhere_and_go_either_way() -> None:
    async def use(pager: Pager) -> None:
        numbers = list(range(25))
        assert [[*part] for part in pager.parts(numbers, begin=12)] == [
            [*range(12, 22)],
            [22, 23, 24],
        ]
        assert [[*part] for part in pager.parts(numbers, backwards=True)] == [
            [*range(20, 25)],
            [*range(10, 20)],
            [*range(10)],
        ]

    Lists(slice_rows=1).run(use)


def test_a_look_up_is_encoded_at_once() -> None:
    assert encode_now([]) == b""
    assert encode_now([{"a": 1}, {"b": None}]) == b'{"a":1},{"b":null}'
