"""Maps, with dotted keys and without."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.sql import RuleError
from app.rules.terms.values import UNDEFINED

NESTED = {"a": {"b": 1}, "a.b": 2}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("map_new()", {}),
        ("map_get('a', x)", {"b": 1}),
        ("map_get('a.b', x)", 1),
        ("map_get('a.c', x)", UNDEFINED),
        ("map_get('a.c', x, 7)", 7),
        ("map_get('a', '{\"a\":1}')", 1),
        ("map_get('a', 1)", UNDEFINED),
        ("map_put('a', 1, map_new())", {"a": 1}),
        ("map_put('a.b', 1, map_new())", {"a": {"b": 1}}),
        ("map_put('a.c', 3, x)", {"a": {"b": 1, "c": 3}, "a.b": 2}),
        ("map_put('a', 1, 5)", {"a": 1}),
        ("mget('a.b', x)", 2),
        ("mget('c', x)", UNDEFINED),
        ("mget('c', x, 'd')", "d"),
        ("mget(1, mput(1, 'one', map_new()))", "one"),
        ("mput('a.b', 3, map_new())", {"a.b": 3}),
    ],
)
def test_a_map_has(evaluate: Any, expression: str, expected: Any) -> None:
    found = evaluate(expression, x=NESTED)

    assert found == expected
    assert type(found) is type(expected)


def test_the_map_that_something_is_put_into_stays_as_it_was(evaluate: Any) -> None:
    evaluate("map_put('a.b', 5, x)", x=NESTED)
    evaluate("mput('a', 5, x)", x=NESTED)

    assert NESTED == {"a": {"b": 1}, "a.b": 2}


@pytest.mark.parametrize("expression", ["mget('a', 1)", "mput('a', 1, 'x')", "map_get(1, x)"])
def test_what_is_no_map_or_no_key_fails(evaluate: Any, expression: str) -> None:
    with pytest.raises(RuleError, match=r"badmap|function_clause"):
        evaluate(expression, x=NESTED)
