"""One type of value made of another."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.sql import RuleError


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("str('abc')", "abc"),
        ("str(1)", "1"),
        ("str(2.0)", "2.0"),
        ("str(20.25)", "20.25"),
        ("str(true)", "true"),
        ("str(missing)", "undefined"),
        ("str([])", ""),
        ("str([97, 98])", "ab"),
        ("str([1, 'a'])", '[1,"a"]'),
        ("str_utf8(x)", '{"a":"你好"}'),
        ("str_utf8([97, 'b', [20320]])", "ab你"),
        ("bool(true)", True),
        ("bool('true')", True),
        ("bool(1)", True),
        ("bool(1.0)", True),
        ("bool('false')", False),
        ("bool(0)", False),
        ("int('1')", 1),
        ("int('-12')", -12),
        ("int('1.9')", 1),
        ("int(1.9)", 1),
        ("int(-1.5)", -2),
        ("int(true)", 1),
        ("int(false)", 0),
        ("float('1.5')", 1.5),
        ("float('1')", 1.0),
        ("float(1)", 1.0),
        ("float2str(20.2, 1)", "20.2"),
        ("float2str(20.2, 10)", "20.2"),
        ("float2str(20.2, 15)", "20.199999999999999"),
        ("float2str(20.2, 16)", "20.1999999999999993"),
        ("float2str(20.0, 3)", "20.0"),
        ("float2str(20.5, 0)", "20"),
        ("map('{\"a\":1}')", {"a": 1}),
        ("map(x)", {"a": "你好"}),
        ("bin2hexstr('ab')", "6162"),
        ("hexstr2bin('6162')", "ab"),
        ("hexstr2bin('6364f')", "\x06\x36\x4f"),
        ("hexstr2bin('a')", "\n"),
        ("hexstr2bin('ff')", b"\xff"),
        ("bin2hexstr(hexstr2bin('ffFE'))", "FFFE"),
    ],
)
def test_a_conversion_makes(evaluate: Any, expression: str, expected: Any) -> None:
    found = evaluate(expression, x={"a": "你好"})

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("bool(3)", "invalid_boolean"),
        ("bool('yes')", "invalid_boolean"),
        ("int('a')", "badarg"),
        ("int(' 1')", "badarg"),
        ("int('1_000')", "badarg"),
        ("int([])", "invalid_number"),
        ("int(missing)", "invalid_number"),
        ("float('a')", "badarg"),
        ("float('nan')", "badarg"),
        ("float('1.0e999')", "badarg"),
        ("float(true)", "invalid_number"),
        ("map('[1]')", "invalid_map"),
        ("map('a')", "invalid_map"),
        ("map(1.0)", "invalid_map"),
        ("float2str(1, 2)", "function_clause"),
        ("float2str(1.0, 300)", "badarg"),
        ("hexstr2bin('xy')", "badarg"),
        ("hexstr2bin('61 62 ')", "badarg"),
        ("str_utf8([97, 55296])", "badarg"),
        ("str_utf8(['a', 1.5])", "badarg"),
        ("float(x)", "too large"),
        ("str_utf8(hexstr2bin('ff'))", "badarg"),
    ],
)
def test_what_has_no_such_form_fails(evaluate: Any, expression: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        evaluate(expression, x=10**400)
