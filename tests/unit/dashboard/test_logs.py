"""The last lines of the log, and its level."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture
def said(browser):
    browser.log_in("operator")
    log = browser.services.insight.log
    for level, message in ((logging.WARNING, "The disk is slow"), (logging.ERROR, "It broke")):
        log.handle(
            logging.makeLogRecord(
                {
                    "msg": message,
                    "levelno": level,
                    "levelname": logging.getLevelName(level),
                    "name": "app.x",
                }
            )
        )
    return browser


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"The disk is slow", "It broke"}),
        ("least=error", {"It broke"}),
        ("search=DISK", {"The disk is slow"}),
        ("search=nothing", set()),
    ],
)
def test_lines_are_found_by_text_and_level(said, query, shown):
    page = said.get(f"/logs?{query}").text
    assert {line for line in ("The disk is slow", "It broke") if line in page} == shown


def test_the_level_is_set_while_the_node_runs(said):
    before = logging.getLogger().level
    try:
        said.get("/logs")
        assert said.post("/logs/level", {"level": "error"}).status_code == 303
        assert logging.getLogger().level == logging.ERROR
        assert said.post("/logs/level", {"level": "loud"}).status_code == 400
    finally:
        logging.getLogger().setLevel(before)


def test_a_viewer_sets_no_level(browser):
    browser.log_in("viewer")
    assert "disabled" in browser.get("/logs").text
