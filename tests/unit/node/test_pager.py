"""Lists made on the loop: pages, filters, slices, the budget."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from app.broker.metrics import Metrics
from app.node.pager import SLICE_S, Pager, ReadBudget, cut, encode_now
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
    assert len(looked_at) <= 10


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
        asyncio.run(self.page(budget, 1))
        return metrics.loop_read_waits - before

    async def page(self, budget: ReadBudget, slice_rows: int) -> None:
        pager = Pager(slice_rows, budget)
        await budget.counted(pager.page(range(5), PageRequest(1, 5), str, self.row))

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


def test_what_a_list_costs_beside_its_slices_is_not_taken_for_other_work() -> None:
    """To copy a fleet and to forget the copy takes longer than a page: nobody else was busy."""
    loop, metrics = Loop(0.0), Metrics()
    budget = loop.budget(metrics)

    async def read() -> int:
        loop.goes_on(1.0)
        loop.cpu += 0.5
        await loop.page(budget, 1)
        return 7

    async def main() -> int:
        return await budget.counted(read())

    for _ in range(3):
        assert asyncio.run(main()) == 7
    assert metrics.loop_read_waits == 0


def test_a_list_that_is_counted_can_be_given_up_and_can_fail() -> None:
    async def main() -> None:
        budget = ReadBudget(1.0, Metrics())
        waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def read() -> None:
            with pytest.raises(asyncio.CancelledError):
                await waits
            raise LookupError("as it says itself")

        async def counted() -> None:
            await budget.counted(read())

        reading = asyncio.get_running_loop().create_task(counted())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(LookupError, match="as it says itself"):
            await reading

    asyncio.run(main())


@pytest.mark.parametrize(("row_ms", "slices"), [(0.0, 1), (0.3, 2), (0.6, 3), (5.0, 5)])
def test_a_slice_ends_with_its_time_though_it_has_room(row_ms: float, slices: int) -> None:
    loop, metrics = Loop(0.0), Metrics()
    budget = loop.budget(metrics)

    async def use() -> RowsPage:
        def row(text: str) -> dict[str, object]:
            loop.goes_on(row_ms / 1_000)
            return {"n": int(text)}

        return await Pager(100, budget).page(range(5), PageRequest(1, 5), str, row)

    assert numbers(asyncio.run(use())) == [0, 1, 2, 3, 4]
    assert metrics.loop_read_slices == slices


def test_a_search_looks_at_as_many_parts_as_a_slice_has_time_for() -> None:
    loop, metrics = Loop(0.0), Metrics()

    def matches(number: int) -> bool:
        loop.goes_on(SLICE_S / 20)
        return is_even(number)

    found = asyncio.run(Pager(10, loop.budget(metrics)).matching(range(95), matches))
    assert found == list(range(0, 95, 2))
    assert metrics.loop_read_slices == 5


def test_a_snapshot_is_looked_through_from_anywhere_and_either_way() -> None:
    async def use(pager: Pager) -> None:
        async def parts(**how: Any) -> list[list[int]]:
            seen: list[list[int]] = []

            def look(part: Any) -> bool:
                seen.append([*part])
                return 5 in part

            await pager.look_through(list(range(25)), look, **how)
            return seen

        assert await parts(begin=12) == [[*range(12, 22)], [22, 23, 24]]
        assert await parts(backwards=True) == [
            [*range(20, 25)],
            [*range(10, 20)],
            [*range(10)],
        ]
        assert await parts(cheapness=2) == [[*range(20)]]

    Lists(slice_rows=10).run(use)


@pytest.mark.parametrize("start", [0, 1, 4, 5, 6, 9, 10, 11])
@pytest.mark.parametrize("count", [0, 1, 3, 10, 99])
def test_a_part_of_a_table_is_the_same_from_either_end(start: int, count: int) -> None:
    table = {str(number): number for number in range(10)}
    assert cut(table, start, count) == list(range(10))[start : start + count]


def test_a_look_up_is_encoded_at_once() -> None:
    assert encode_now([]) == b""
    assert encode_now([{"a": 1}, {"b": None}]) == b'{"a":1},{"b":null}'
