"""Queues of bridges: alike in memory and on disk, but for what they outlive."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from app.mqtt.packets import Publish
from app.mqtt.properties import Properties
from app.plugins.bridge_mqtt.promises import Promises
from app.plugins.bridge_mqtt.queue import DiskQueue, MemoryQueue, Queue, size_of

BIG = 1_000_000
Make = Callable[[int], Queue]
MAKERS: dict[str, Callable[[Path], Make]] = {
    "memory": lambda _folder: MemoryQueue,
    "disk": lambda folder: lambda most: DiskQueue(folder / "q.sqlite", most, BIG, Promises()),
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return MAKERS[request.param](tmp_path)


def a_message(number: int) -> Publish:
    return Publish("t", b"%d" % number, number % 3, properties=Properties(content_type="x"))


def play(
    queue_of: Callable[[], Queue], scene: Callable[[Queue], Coroutine[None, None, None]]
) -> None:
    async def run() -> None:
        queue = queue_of()
        keeper = asyncio.get_running_loop().create_task(queue.keep())
        try:
            async with asyncio.timeout(10):
                await scene(queue)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            queue.close()

    asyncio.run(run())


def test_what_comes_is_taken_in_order_and_again_until_it_is_settled(make: Make) -> None:
    async def scene(queue: Queue) -> None:
        for number in range(5):
            assert queue.put(a_message(number), 1_000 + number)
        taken = [*await queue.take(3)]
        while len(taken) < 5:
            taken += await queue.take(3)
        assert [one.packet for one in taken] == [a_message(number) for number in range(5)]
        assert [one.at_ms for one in taken] == [1_000, 1_001, 1_002, 1_003, 1_004]
        queue.settle(taken[1])
        queue.rewind()
        again = [*await queue.take(9)]
        assert [one.packet.payload for one in again] == [b"0", b"2", b"3", b"4"]
        assert queue.length == 4
        for one in again:
            queue.settle(one)
        assert (queue.length, queue.bytes) == (0, 0)
        queue.put(a_message(9), 0)
        assert [one.packet.payload for one in await queue.take(9)] == [b"9"]

    play(lambda: make(BIG), scene)


def test_there_is_room_for_so_many_bytes_and_no_more(make: Make) -> None:
    size = size_of(a_message(0))
    assert size > len(b"t0x")

    async def scene(queue: Queue) -> None:
        assert [queue.put(a_message(number), 0) for number in range(3)] == [True, True, False]
        (first, *_) = await queue.take(1)
        queue.settle(first)
        assert queue.put(a_message(3), 0)
        assert (queue.length, queue.bytes) == (2, 2 * size)

    play(lambda: make(2 * size), scene)


def test_who_waits_gets_what_comes(make: Make) -> None:
    async def scene(queue: Queue) -> None:
        waiting = asyncio.get_running_loop().create_task(queue.take(1))
        await asyncio.sleep(0)
        queue.put(a_message(1), 0)
        (one,) = await waiting
        assert one.packet == a_message(1)

    play(lambda: make(BIG), scene)


def test_a_queue_on_disk_is_there_again(tmp_path: Path) -> None:
    def queue() -> Queue:
        return DiskQueue(tmp_path / "q.sqlite", BIG, BIG, Promises())

    async def first(queue: Queue) -> None:
        for number in range(4):
            queue.put(a_message(number), number)
        taken = [*await queue.take(1)]
        queue.settle(taken[0])

    async def second(queue: Queue) -> None:
        queue.put(a_message(4), 4)
        taken: list[bytes] = []
        while len(taken) < 4:
            taken += [one.packet.payload for one in await queue.take(2)]
        assert taken == [b"1", b"2", b"3", b"4"]
        assert queue.length == 4

    play(queue, first)
    play(queue, second)


def test_what_was_put_before_the_file_is_open_is_kept(tmp_path: Path) -> None:
    async def at_once(queue: Queue) -> None:
        queue.put(a_message(1), 0)

    async def later(queue: Queue) -> None:
        assert [one.packet for one in await queue.take(1)] == [a_message(1)]

    play(lambda: DiskQueue(tmp_path / "q.sqlite", BIG, BIG, Promises()), at_once)
    play(lambda: DiskQueue(tmp_path / "q.sqlite", BIG, BIG, Promises()), later)


def test_a_promise_is_settled_when_the_message_is_in_the_file(tmp_path: Path) -> None:
    promises = Promises()

    async def scene(queue: Queue) -> None:
        found: list[int] = []
        on_disk = asyncio.Event()

        def look() -> None:
            with sqlite3.connect(tmp_path / "q.sqlite") as file:
                found.append(file.execute("SELECT COUNT(*) FROM waiting").fetchone()[0])
            file.close()
            on_disk.set()

        promises.when_safe(look)
        queue.put(a_message(1), 0)
        queue.put(a_message(2), 0)
        assert (promises.mark, promises.safe) == (2, 0)
        await on_disk.wait()
        assert found == [2]
        assert promises.safe == 2

    play(lambda: DiskQueue(tmp_path / "q.sqlite", BIG, BIG, promises), scene)


def test_where_the_disk_takes_nothing_nobody_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "q.sqlite").write_bytes(b"no database at all" * 100)
    promises = Promises()

    async def scene(queue: Queue) -> None:
        given_up = asyncio.Event()
        promises.when_safe(given_up.set)
        queue.put(a_message(1), 0)
        await given_up.wait()
        assert (promises.safe, queue.length) == (1, 1)

    play(lambda: DiskQueue(tmp_path / "q.sqlite", BIG, BIG, promises), scene)
    assert promises.safe == promises.mark
