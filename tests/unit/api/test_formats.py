"""Times, durations and sizes in EMQX's words."""

from __future__ import annotations

import re
import time

import pytest

from app.api.formats import local_time, memory, uptime


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (59, "59 seconds"),
        (60, "1 minutes, 0 seconds"),
        (15_679, "4 hours, 21 minutes, 19 seconds"),
        (86_400, "1 days, 0 hours, 0 minutes, 0 seconds"),
    ],
)
def test_a_duration_leaves_out_the_units_that_lead_with_nought(seconds, words):
    assert uptime(seconds) == words


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1024, 1024),
        (1025, "1.00K"),
        (101_449_728, "96.75M"),
        (1 << 30, "1024.00M"),
        (3 << 30, "3.00G"),
    ],
)
def test_a_size_is_a_number_up_to_one_kibibyte(size, text):
    assert memory(size) == text


def test_times_are_local_and_cut_to_seconds():
    text = local_time(1_700_000_000_999)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)
    assert time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S")) == 1_700_000_000
