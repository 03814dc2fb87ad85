"""Functions that look at the event itself."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.sql import RuleError
from app.rules.terms.values import UNDEFINED

EVENT = {
    "id": "0A",
    "qos": 1,
    "topic": "a/b/c",
    "flags": {"retain": True},
    "clientid": "c",
    "username": "u",
    "peerhost": "127.0.0.1",
    "payload": '{"a": {"b": 1}}',
}
FILTERS = [{"topic": "t/a", "qos": 1}, {"topic": "t/b", "qos": 0}, {"other": 1}, 5]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("msgid()", "0A"),
        ("qos()", 1),
        ("topic()", "a/b/c"),
        ("topic(1)", "a"),
        ("topic(3)", "c"),
        ("flags()", {"retain": True}),
        ("flag('retain')", True),
        ("flag('dup')", UNDEFINED),
        ("username()", "u"),
        ("clientip()", "127.0.0.1"),
        ("peerhost()", "127.0.0.1"),
        ("payload()", '{"a": {"b": 1}}'),
        ("payload('a.b')", UNDEFINED),
        ("null()", UNDEFINED),
    ],
)
def test_an_event_says(evaluate: Any, expression: str, expected: Any) -> None:
    assert evaluate(expression, **EVENT) == expected


def test_clientid_looks_where_no_event_has_it(evaluate: Any) -> None:
    assert evaluate("clientid()", **EVENT) is UNDEFINED


def test_what_an_event_does_not_have_is_undefined(evaluate: Any) -> None:
    assert evaluate("qos()") is UNDEFINED
    assert evaluate("topic(1)") is UNDEFINED
    assert evaluate("flags()") == {}
    assert evaluate("flag('dup')") is UNDEFINED


def test_a_payload_that_is_a_map_can_be_asked(evaluate: Any) -> None:
    assert evaluate("payload('a.b')", payload={"a": {"b": 1}}) == 1


@pytest.mark.parametrize("level", ["0", "4", "-1"])
def test_a_level_that_the_topic_does_not_have_fails(evaluate: Any, level: str) -> None:
    with pytest.raises(RuleError, match="function_clause"):
        evaluate(f"topic({level})", **EVENT)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("contains_topic(f, 't/a')", True),
        ("contains_topic(f, 't/c')", False),
        ("contains_topic(f, 't/a', 1)", True),
        ("contains_topic(f, 't/a', 0)", False),
        ("contains_topic_match(f, 't/#')", True),
        ("contains_topic_match(f, 'u/#')", False),
        ("contains_topic_match(f, '+/b', 0)", True),
        ("contains_topic_match(f, '+/b', 1)", False),
    ],
)
def test_topics_are_looked_for_in_a_list(evaluate: Any, expression: str, expected: bool) -> None:
    assert evaluate(expression, f=FILTERS) is expected
