"""`sprintf` as Erlang's `io_lib:format` writes."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.sql import RuleError


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sprintf('Hello ~s!', 'Shawn')", "Hello Shawn!"),
        ("sprintf('Name: ~s, Count: ~p', 'ABC', 2)", "Name: ABC, Count: 2"),
        ("sprintf_s('~s-~s', ['a', 'b'])", "a-b"),
        ("sprintf('no directive')", "no directive"),
        ("sprintf('~~ ~n')", "~ \n"),
        ("sprintf('~p', 'abc')", '<<"abc">>'),
        ("sprintf('~w', 'abc')", "<<97,98,99>>"),
        ("sprintf('~p', x)", '#{<<"a">> => [1,true,2.5]}'),
        ("sprintf('~p', missing)", "undefined"),
        ("sprintf('~p', 1.0e30)", "1.0e30"),
        ("sprintf('~s', [97, 98])", "ab"),
        ("sprintf('~5s|', 'ab')", "   ab|"),
        ("sprintf('~-5s|', 'ab')", "ab   |"),
        ("sprintf('~2s', 'abc')", "ab"),
        ("sprintf('~.2s', 'abc')", "ab"),
        ("sprintf('~2..0B:~2..0B', 5, 12)", "05:12"),
        ("sprintf('~b', -7)", "-7"),
        ("sprintf('~.16B', 255)", "FF"),
        ("sprintf('~.16b', 255)", "ff"),
        ("sprintf('~.16#', 255)", "16#FF"),
        ("sprintf('~.16x', 255, '0x')", "0xff"),
        ("sprintf('~.16X', -255, '0x')", "-0xFF"),
        ("sprintf('~2B', 12345)", "**"),
        ("sprintf('~f', 1.5)", "1.500000"),
        ("sprintf('~.2f', 3.14159)", "3.14"),
        ("sprintf('~8.2f', 3.14159)", "    3.14"),
        ("sprintf('~e', 1234.5)", "1.23450e+3"),
        ("sprintf('~.3e', 0.00015)", "1.50e-4"),
        ("sprintf('~g', 1.5)", "1.50000"),
        ("sprintf('~g', 1.5e10)", "1.50000e+10"),
        ("sprintf('~c', 97)", "a"),
        ("sprintf('~3c', 97)", "aaa"),
        ("sprintf('~*s', 4, 'a')", "   a"),
        ("sprintf('~i~s', 1, 'a')", "a"),
        ("sprintf('~ts', '你好')", "你好"),
    ],
)
def test_a_format_writes(evaluate: Any, expression: str, expected: str) -> None:
    assert evaluate(expression, x={"a": [1, True, 2.5]}) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "sprintf('~s')",
        "sprintf('~s', 'a', 'b')",
        "sprintf('~s', 1)",
        "sprintf('~q', 1)",
        "sprintf('~', 1)",
        "sprintf('~B', 'a')",
        "sprintf('~f', 'a')",
        "sprintf('~c', 'a')",
        "sprintf('~.99B', 1)",
        "sprintf('~999999999s', 'a')",
        "sprintf_s('~s', 'a')",
    ],
)
def test_a_format_that_its_values_do_not_fit_fails(evaluate: Any, expression: str) -> None:
    with pytest.raises(RuleError):
        evaluate(expression)
