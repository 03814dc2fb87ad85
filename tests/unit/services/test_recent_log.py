"""The last lines of the log."""

from __future__ import annotations

import logging

import pytest

from app.services.recent_log import KEPT, MAX_CHARS, RecentLog


@pytest.fixture
def log():
    log = RecentLog()
    log.start()
    yield log
    log.stop()


def test_it_keeps_what_is_said_the_newest_first(log):
    logging.getLogger("app.one").warning("first %s", 1)
    logging.getLogger("app.two").error("second")
    assert [line.message for line in log.lines()] == ["second", "first 1"]
    assert [line.message for line in log.lines(logging.ERROR)] == ["second"]
    assert [line.message for line in log.lines(text="APP.ONE")] == ["first 1"]


def test_it_keeps_what_went_wrong(log):
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("x").exception("it broke")
    assert "ValueError: why" in log.lines()[0].message


def test_it_is_bounded(log):
    for _turn in range(KEPT + 5):
        logging.getLogger("x").warning("y" * (MAX_CHARS + 5))
    lines = log.lines()
    assert len(lines) == KEPT
    assert len(lines[0].message) == MAX_CHARS


def test_it_ends(log):
    log.stop()
    log.stop()
    logging.getLogger("x").warning("unheard")
    assert log.lines() == []
