"""Statements that are tried out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.rules.sql import RuleError, compile_sql
from app.rules.trial import NotMatched, trial


def tried(sql: str, **given: Any) -> Any:
    return orjson.loads(trial(compile_sql(sql), given, "n@h", 5_000))


def test_what_is_left_out_has_an_example() -> None:
    assert tried('SELECT clientid, payload.msg AS m, node, timestamp FROM "#"', clientid="me") == {
        "clientid": "me",
        "m": "hello",
        "node": "n@h",
        "timestamp": 5_000,
    }


def test_an_event_has_its_own_examples() -> None:
    sql = 'SELECT event, reason FROM "$events/client_disconnected"'
    assert tried(sql) == {"event": "client.disconnected", "reason": "normal"}
    assert tried(sql, reason="kicked")["reason"] == "kicked"


def test_each_element_is_a_result() -> None:
    sql = 'FOREACH payload.l DO item AS x FROM "#"'
    assert tried(sql, payload='{"l": [1, 2]}') == [{"x": 1}, {"x": 2}]
    assert tried(sql, payload='{"l": [1]}') == [{"x": 1}]
    assert tried(sql, payload="{}") == []


@pytest.mark.parametrize(
    ("sql", "given"),
    [
        ('SELECT * FROM "a/#"', {"topic": "b"}),
        ('SELECT * FROM "a/#"', {"topic": 5}),
        ('SELECT * FROM "#" WHERE qos = 2', {"qos": 1}),
    ],
)
def test_what_does_not_match_says_so(sql: str, given: dict[str, Any]) -> None:
    with pytest.raises(NotMatched):
        tried(sql, **given)


def test_what_fails_says_so() -> None:
    with pytest.raises(RuleError):
        tried('SELECT abs(topic) FROM "#"')
