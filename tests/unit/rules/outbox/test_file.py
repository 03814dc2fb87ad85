"""The file of the outbox: what is said to be kept is kept, and dead letters are bounded."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.rules.outbox.file import FILE, DeadLetterLimits, Outbox, OutboxError, Owner

US = Owner("rule:1", "action:1")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / FILE)
    made.open()
    yield made
    made.close()


def answer(ask: Callable[[Callable[[Any], None]], object]) -> Any:
    """Return what is told."""
    got: list[Any] = []
    told = threading.Event()

    def tell(result: Any) -> None:
        got.append(result)
        told.set()

    ask(tell)
    assert told.wait(10)
    return got[0]


def flushed(outbox: Outbox) -> None:
    answer(lambda told: outbox.count(US, told))


def test_one_who_waits_and_fails_keeps_no_other_waiting(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    woken = threading.Event()
    outbox.when_safe(fail)
    outbox.when_safe(woken.set)
    number = outbox.put(US, 5, b"letter", fail)
    assert woken.wait(10)
    assert outbox.safe == number
    flushed(outbox)
    assert [record.getMessage() for record in caplog.records] == [
        "What waited for the outbox failed",
        "What follows a change of the outbox failed",
    ]


def test_what_is_told_to_be_on_disk_is_there_for_the_next_process(outbox: Outbox) -> None:
    number = answer(lambda told: outbox.put(US, 5, b"letter", told))
    assert (outbox.mark, outbox.safe) == (number, number)
    other = Outbox(outbox.path)
    other.open()
    try:
        (row,) = answer(lambda told: other.page(US, 0, 10, told))
        assert (row.made_at_ms, row.letter) == (5, b"letter")
        assert other.mark == number
    finally:
        other.close()


def test_results_are_read_in_order_from_where_one_stopped(outbox: Outbox) -> None:
    for letter in (b"a", b"b", b"c"):
        outbox.put(US, 0, letter, lambda _: None)
    outbox.put(Owner("rule:2", "x"), 0, b"other", lambda _: None)
    first = answer(lambda told: outbox.page(US, 0, 2, told))
    assert [row.letter for row in first] == [b"a", b"b"]
    outbox.forget(first[0].number)
    rest = answer(lambda told: outbox.page(US, first[-1].number, 2, told))
    assert [row.letter for row in rest] == [b"c"]
    assert answer(lambda told: outbox.count(US, told)) == 2


def test_a_result_that_is_given_up_becomes_a_dead_letter_of_its_rule(outbox: Outbox) -> None:
    number = answer(lambda told: outbox.put(US, 5, b"letter", told))
    outbox.give_up(number, "no", 9)
    outbox.bury(Owner("rule:2", "b"), 6, 9, "never", b"in memory")
    assert answer(lambda told: outbox.count(US, told)) == 0
    (letter,) = outbox.read_dead("rule:1", 0, 10)
    assert (letter.owner, letter.made_at_ms, letter.given_up_at_ms) == (US, 5, 9)
    assert (letter.reason, letter.letter) == ("no", b"letter")
    assert [one.reason for one in outbox.read_dead(None, 0, 10)] == ["never", "no"]
    assert [one.reason for one in outbox.read_dead(None, 1, 10)] == ["no"]
    assert outbox.next_dead("rule:1", 0, 10) == [letter]
    assert outbox.next_dead("rule:1", letter.number, 10) == []
    assert outbox.count_dead("rule:2") == 1
    outbox.give_up_again(letter.number, "still no", 10)
    flushed(outbox)
    found = outbox.find_dead(letter.number)
    assert found is not None
    assert (found.reason, found.given_up_at_ms) == ("still no", 10)


def test_dead_letters_are_deleted_one_by_one_and_by_rule(outbox: Outbox) -> None:
    for number in range(3):
        outbox.bury(US, 0, number, "no", b"x")
    flushed(outbox)
    newest = outbox.read_dead(None, 0, 1)[0]
    assert answer(lambda told: outbox.delete_dead(newest.number, told)) == 1
    assert answer(lambda told: outbox.delete_dead(newest.number, told)) == 0
    assert outbox.find_dead(newest.number) is None
    assert answer(lambda told: outbox.delete_dead_of("rule:1", told)) == 2
    assert outbox.dead_letters == 0


@pytest.mark.parametrize("limits", [DeadLetterLimits(2, 1_000), DeadLetterLimits(100, 12)])
def test_the_oldest_dead_letters_make_room_and_are_counted(
    outbox: Outbox, limits: DeadLetterLimits
) -> None:
    outbox.limits = limits
    for number in range(5):
        outbox.bury(US, 0, number, "no", b"12345")
    flushed(outbox)
    assert [one.given_up_at_ms for one in outbox.read_dead(None, 0, 10)] == [4, 3]
    assert (outbox.dead_letters, outbox.dead_letters_dropped) == (2, 3)


def test_what_waits_for_an_action_that_is_gone_becomes_dead_letters(outbox: Outbox) -> None:
    outbox.put(US, 0, b"ours", lambda _: None)
    outbox.put(Owner("rule:2", "gone"), 0, b"stray", lambda _: None)
    outbox.bury_others([US], 1)
    assert answer(lambda told: outbox.count(US, told)) == 1
    assert [one.letter for one in outbox.read_dead(None, 0, 10)] == [b"stray"]
    outbox.bury_all(US, 2)
    assert answer(lambda told: outbox.count(US, told)) == 0
    assert [one.letter for one in outbox.read_dead("rule:1", 0, 10)] == [b"ours"]


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OutboxError, match="format 99, of a newer release"):
        Outbox(path).open()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(OutboxError, match="cannot be opened"):
        Outbox(path).open()


def test_one_result_that_cannot_be_written_does_not_take_others_with_it(outbox: Outbox) -> None:
    outbox.put(US, 0, b"a", lambda _: None)
    outbox.mark -= 1  # the same number again
    assert isinstance(answer(lambda told: outbox.put(US, 0, b"b", told)), sqlite3.Error)
    outbox.put(US, 0, b"c", lambda _: None)
    rows = answer(lambda told: outbox.page(US, 0, 10, told))
    assert [row.letter for row in rows] == [b"a", b"c"]
    assert outbox.failures == 1


def test_dead_letters_are_counted_once_where_a_change_beside_them_fails(outbox: Outbox) -> None:
    answer(lambda told: outbox.put(US, 0, b"a", told))
    gate = threading.Event()
    outbox.count(US, lambda _: gate.wait(10))
    outbox.bury(US, 0, 0, "why", b"dead")
    outbox.mark = 0  # so that the number of the next one is taken
    outbox.put(US, 0, b"b", lambda _: None)
    gate.set()
    flushed(outbox)
    assert outbox.dead_letters == len(outbox.read_dead(None, 0, 10)) == 1
