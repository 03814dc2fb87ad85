"""Chores are done in turn; a failing one holds up neither the others nor the thread."""

from __future__ import annotations

import logging
import threading

import pytest

from app.services.housekeeping import Chore, Housekeeping


def test_a_failing_chore_is_logged_and_the_next_one_is_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("no water")

    with caplog.at_level(logging.ERROR):
        Housekeeping([Chore(fail), Chore(lambda: done.append("swept"))]).do_chores()
    assert done == ["swept"]
    assert "no water" in caplog.text


def test_stopping_ends_the_thread_at_once_and_twice_is_no_error() -> None:
    housekeeping = Housekeeping([])
    housekeeping.start()
    housekeeping.stop()
    housekeeping.stop()


def test_each_chore_has_its_own_interval() -> None:
    enough = threading.Event()
    often: list[int] = []

    def count() -> None:
        often.append(1)
        if len(often) == 3:
            enough.set()

    seldom: list[int] = []
    housekeeping = Housekeeping([Chore(count, 0.001), Chore(lambda: seldom.append(1), 3_600)])
    housekeeping.start()
    assert enough.wait(30)
    housekeeping.stop()
    assert seldom == []
