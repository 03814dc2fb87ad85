"""Numbers as Erlang counts them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.rules.sql import RuleError


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2", 3),
        ("1 + 2.5", 3.5),
        ("'a' + 'b'", "ab"),
        ("3 - 1 - 1", 1),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("4 / 2", 2.0),
        ("1 / 8", 0.125),
        ("7 div 2", 3),
        ("-7 div 2", -3),
        ("7 div -2", -3),
        ("7 mod 2", 1),
        ("mod(-7, 2)", -1),
        ("mod(7, -2)", 1),
        ("div(7, 2)", 3),
        ("-(1)", -1),
        ("+1", 1),
        ("- 2 * 3", -6),
        ("1.5e3", 1500.0),
        ("abs(-3)", 3),
        ("ceil(1.2)", 2),
        ("floor(-1.2)", -2),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(7)", 7),
        ("power(2, 10)", 1024.0),
        ("fmod(5.5, 2)", 1.5),
        ("sqrt(9)", 3.0),
        ("log2(8)", 3.0),
        ("log10(1000)", 3.0),
        ("exp(0)", 1.0),
        ("acosh(1)", 0.0),
        ("eq(1, 1.0)", True),
        ("eq('a', 1)", False),
    ],
)
def test_an_expression_is_worth(evaluate: Any, expression: str, expected: Any) -> None:
    found = evaluate(expression)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh"])
def test_trigonometry_is_that_of_the_machine(evaluate: Any, name: str) -> None:
    assert evaluate(f"{name}(0.5)") == getattr(math, name)(0.5)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("'a' + 1", "unsupported_type_implicit_conversion"),
        ("1 + 'a'", "unsupported_type_implicit_conversion"),
        ("true + 1", "unsupported_function_operator_type"),
        ("missing + 1", "unsupported_function_operator_type"),
        ("'2' * 2", "unsupported_function_operator_type"),
        ("'2' - 2", "unsupported_function_operator_type"),
        ("[1] / 2", "unsupported_function_operator_type"),
        ("7.0 div 2", "unsupported_function_operator_type"),
        ("1 / 0", "badarith"),
        ("1 div 0", "badarith"),
        ("1 mod 0", "badarith"),
        ("-'a'", "badarith"),
        ("log(0)", "badarith"),
        ("sqrt(-1)", "badarith"),
        ("asin(2)", "badarith"),
        ("power(10, 400)", "badarith"),
        ("1.0e300 * 1.0e300", "badarith"),
        ("abs(-1.5)", "function_clause"),
    ],
)
def test_what_cannot_be_counted_fails_with_emqx_s_word_for_it(
    evaluate: Any, expression: str, reason: str
) -> None:
    with pytest.raises(RuleError, match=reason):
        evaluate(expression)


def test_integers_have_no_fixed_size_but_a_bound(evaluate: Any) -> None:
    assert evaluate("x * x", x=10**30) == 10**60
    with pytest.raises(RuleError, match="system_limit"):
        evaluate("x * x", x=1 << 60_000)


def test_a_huge_integer_is_no_float(evaluate: Any) -> None:
    with pytest.raises(RuleError, match="badarith"):
        evaluate("x / 1.5", x=10**400)
