"""Lists."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.sql import RuleError


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("nth(2, [1,2,3,4])", 2),
        ("length([1,2,3,4])", 4),
        ("length([])", 0),
        ("sublist(2, [1,2,3,4])", [1, 2]),
        ("sublist(9, [1,2])", [1, 2]),
        ("sublist(4, 2, [1,2,3,4])", [4]),
        ("sublist(5, 2, [1,2,3,4])", []),
        ("sublist(2, 2, [1,2,3,4])", [2, 3]),
        ("first([1,2])", 1),
        ("last([1,2])", 2),
        ("contains(3, [1,2,3])", True),
        ("contains('a', ['ab', 3, 'a'])", True),
        ("contains(1, [1.0])", False),
        ("contains(1, [true])", False),
        ("contains([1], [[1]])", True),
    ],
)
def test_a_list_has(evaluate: Any, expression: str, expected: Any) -> None:
    assert evaluate(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "nth(0, [1])",
        "nth(2, [1])",
        "first([])",
        "last([])",
        "sublist(0, 1, [1])",
        "sublist(-1, [1])",
        "sublist(1, [1], [1])",
        "length('abc')",
        "contains(1, 1)",
    ],
)
def test_a_place_that_is_not_there_fails(evaluate: Any, expression: str) -> None:
    with pytest.raises(RuleError):
        evaluate(expression)
