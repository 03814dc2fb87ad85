"""Failures in the log."""

from __future__ import annotations

import logging

import pytest

from app.rules.complaints import EVERY_S, RECENT_MAX, Complaints


def test_the_first_failure_is_told_and_the_next_ones_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [1_000.0]
    complaints = Complaints(logging.getLogger("test"), "The rule r", lambda: now[0])
    with caplog.at_level("WARNING"):
        for number in range(4):
            complaints.note(number)
        now[0] += EVERY_S
        complaints.note("again")
        now[0] += EVERY_S
        complaints.note("alone")
    assert [record.message for record in caplog.records] == [
        "The rule r failed: 0",
        "The rule r failed: again (3 more since the last time)",
        "The rule r failed: alone",
    ]


def test_the_latest_failures_are_kept_for_people_who_look_for_them() -> None:
    complaints = Complaints(logging.getLogger("t"), "The rule r")
    for number in range(RECENT_MAX + 2):
        complaints.note(f"reason {number}")
    kept = [one.reason for one in complaints.recent]
    assert kept[0] == "reason 2"
    assert len(kept) == RECENT_MAX
