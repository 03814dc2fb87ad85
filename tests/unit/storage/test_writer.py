"""The thread that writes: in order, until it works, and nothing is said to be safe before it is."""

from __future__ import annotations

import threading
from typing import Any, cast

from sqlalchemy.exc import OperationalError

from app.storage.database import JournalDatabase
from app.storage.errors import StorageError
from app.storage.writer import Writer

DEADLINE_S = 10


class FakeDatabase:
    """Takes rows, after refusing so many of them."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.rows: list[tuple[int, bytes]] = []
        self.removed_below: list[int] = []
        self.closed = 0
        self.again = 0

    def add(self, number: int, body: bytes) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OperationalError("INSERT", {}, Exception("disk full"))
        self.rows.append((number, body))

    def add_again(self, number: int, body: bytes) -> None:
        self.again += 1
        self.add(number, body)

    def remove_below(self, number: int) -> None:
        self.removed_below.append(number)

    def close(self) -> None:
        self.closed += 1

    @staticmethod
    def explained(error: Exception) -> StorageError:
        return StorageError(f"explained: {error.__class__.__name__}.")


class Bench:
    """A writer over a fake database, and what it said."""

    def __init__(self, refusals: int = 0) -> None:
        self.database = FakeDatabase(refusals)
        self.failures: list[str] = []
        self.done = threading.Semaphore(0)
        self.writer = Writer(
            cast("JournalDatabase", self.database), self.done.release, self.failures.append
        )
        self.writer.start(1)

    def writes(self, number: int, body: bytes = b"x") -> None:
        self.writer.write(number, body)
        assert self.done.acquire(timeout=DEADLINE_S)


def test_groups_are_written_in_order() -> None:
    bench = Bench()
    for number in (1, 2, 3):
        bench.writes(number)
    bench.writer.stop(DEADLINE_S)
    assert [number for number, _ in bench.database.rows] == [1, 2, 3]
    assert bench.database.closed == 1


def test_what_fails_is_tried_again_on_a_new_connection_until_it_works() -> None:
    bench = Bench(refusals=2)
    bench.writes(1)
    assert bench.failures == ["explained: OperationalError."] * 2
    assert bench.database.again == 2
    assert bench.database.closed == 2
    bench.writer.stop(DEADLINE_S)


def test_a_stop_ends_a_writer_that_cannot_write() -> None:
    bench = Bench(refusals=1_000_000)
    bench.writer.write(1, b"x")
    bench.writer.stop(DEADLINE_S)
    assert not bench.done.acquire(timeout=0)
    assert bench.database.rows == []


def test_what_was_compacted_away_is_removed_a_piece_at_a_time() -> None:
    bench = Bench()
    bench.writer.remove_below(250, 100)
    bench.writes(251)
    bench.writes(252)
    bench.writes(253)
    bench.writer.stop(DEADLINE_S)
    assert bench.database.removed_below == [101, 201, 250]


def test_rows_that_cannot_be_removed_are_left_to_the_next_time() -> None:
    bench = Bench()

    def refuse(_number: int) -> None:
        raise OperationalError("DELETE", {}, Exception("locked"))

    cast("Any", bench.database).remove_below = refuse
    bench.writer.remove_below(250, 100)
    bench.writes(251)
    bench.writes(252)
    bench.writer.stop(DEADLINE_S)
    assert bench.failures == ["explained: OperationalError."]
