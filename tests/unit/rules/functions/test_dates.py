"""Dates and times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.functions.dates import rfc3339_to_unix_ts, unix_ts_to_rfc3339
from app.rules.sql import RuleError

LEAP_DAY_AFTER = 1_709_294_400
"""2024-03-01 12:00:00 UTC."""


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the machine in a zone whose offset changes in the year."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("now_timestamp()", 1_700_000_000),
        ("now_timestamp('millisecond')", 1_700_000_000_123),
        ("now_timestamp('nanosecond')", 1_700_000_000_123_456_789),
        ("now_rfc3339()", "2023-11-14T23:13:20+01:00"),
        ("now_rfc3339('microsecond')", "2023-11-14T23:13:20.123456+01:00"),
        ("unix_ts_to_rfc3339(0)", "1970-01-01T01:00:00+01:00"),
        ("unix_ts_to_rfc3339(1690000000007, 'millisecond')", "2023-07-22T06:26:40.007+02:00"),
        ("rfc3339_to_unix_ts('1970-01-01T00:00:01Z')", 1),
        ("rfc3339_to_unix_ts('1970-01-01t08:00:01+08:00')", 1),
        ("rfc3339_to_unix_ts('1970-01-01 00:00:01.5Z', 'millisecond')", 1500),
        ("rfc3339_to_unix_ts('1970-01-01 00:00:01.9Z')", 1),
        ("timezone_to_second('+08:00')", 28_800),
        ("timezone_to_second('-0130')", -5_400),
        ("timezone_to_second('+08:00:01')", 28_801),
        ("timezone_to_second('Z')", 0),
        ("timezone_to_second('local')", 3_600),
        ("timezone_to_second(60)", 60),
        ("format_date('second', '+08:00', '%Y-%m-%d %H:%M:%S', 0)", "1970-01-01 08:00:00"),
        ("format_date('second', 0, 'at %z %:z %::z %q', 0)", "at +0000 +00:00 +00:00:00 %q"),
        ("format_date('second', '-01:30', '%z', 0)", "-0130"),
        (
            "format_date('millisecond', 'Z', '%S.%3N %6N %N', 1007)",
            "01.007 007000 007000000",
        ),
        ("format_date('second', 'local', '%H')", "23"),
        ("date_to_unix_ts('second', '%Y-%m-%d %H:%M:%S', '1970-01-01 00:00:01')", 1),
        ("date_to_unix_ts('second', '+08:00', '%Y-%m-%d %H', '1970-01-01 09')", 3600),
        ("date_to_unix_ts('second', '%Y-%m-%d %H%z', '1970-01-01 09+0800')", 3600),
        ("date_to_unix_ts('millisecond', '%Y-%m-%d%H:%3N%:z', '1970-01-0109:007+08:00')", 3600007),
        ("date_to_unix_ts('second', '%Y-%m-%d %H', '2024-03-01 12')", LEAP_DAY_AFTER),
        ("mongo_date()", [1700, 0, 123456]),
        ("mongo_date(1500)", [0, 1, 500000]),
        ("mongo_date(2, 'second')", [0, 2, 0]),
    ],
)
def test_a_time(evaluate: Any, expression: str, expected: Any) -> None:
    assert evaluate(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "now_timestamp('minute')",
        "rfc3339_to_unix_ts('yesterday')",
        "rfc3339_to_unix_ts('2023-02-30T00:00:00Z')",
        "rfc3339_to_unix_ts('2023-01-01T00:00:00')",
        "unix_ts_to_rfc3339(999999999999999)",
        "unix_ts_to_rfc3339('0')",
        "timezone_to_second('8')",
        "timezone_to_second('+24:00')",
        "timezone_to_second('+08:60')",
        "timezone_to_second('+08:00:60')",
        "timezone_to_second(missing)",
        "format_date('second', 'Z', '%Y', 1.5)",
        "format_date('second', 'Z', '%Y', 999999999999)",
        "date_to_unix_ts('second', '%Y-%m', '2023-13')",
        "date_to_unix_ts('second', '%Y', '202')",
        "date_to_unix_ts('second', '%Y', 'year')",
        "date_to_unix_ts('second', 1, 2, '2023')",
    ],
)
def test_what_is_no_time_fails(evaluate: Any, expression: str) -> None:
    with pytest.raises(RuleError):
        evaluate(expression)


@given(st.integers(-500_000_000, 200_000_000_000), st.sampled_from(["second", "millisecond"]))
def test_rfc_3339_there_and_back(epoch: int, unit: str) -> None:
    epoch = epoch if unit == "second" else abs(epoch) * 1000 + 7

    assert rfc3339_to_unix_ts(unix_ts_to_rfc3339(epoch, unit), unit) == epoch
