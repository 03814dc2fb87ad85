"""Base64, JSON and Erlang's external form of terms."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.sql import RuleError
from app.rules.terms.values import UNDEFINED


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("base64_encode('hello')", "aGVsbG8="),
        ("base64_decode('aGVsbG8=')", "hello"),
        ("base64_decode('aGVs bG8=')", "hello"),
        ("base64_decode('/w==')", b"\xff"),
        ("json_encode(x)", '{"a":[1,2.5,true,null,"undefined","你"]}'),
        ("json_encode('a')", '"a"'),
        ("json_encode(hexstr2bin('ff'))", '"\ufffd"'),
        ("json_decode('[1, 2.0, null, true]')", [1, 2.0, None, True]),
        ("term_decode(term_encode('abc'))", "abc"),
        ("term_decode(term_encode(x))", {"a": [1, 2.5, True, None, UNDEFINED, "你"]}),
    ],
)
def test_an_encoding(evaluate: Any, expression: str, expected: Any) -> None:
    assert evaluate(expression, x={"a": [1, 2.5, True, None, UNDEFINED, "你"]}) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "base64_decode('a')",
        "base64_decode('a_b-')",
        "json_decode('{')",
        "json_decode('')",
        "json_decode('NaN')",
        "json_decode(x)",
        "json_decode(1)",
        "term_decode('abc')",
        "term_decode('')",
    ],
)
def test_what_is_no_such_encoding_fails(evaluate: Any, expression: str) -> None:
    with pytest.raises(RuleError):
        evaluate(expression, x=b"\xff")


def test_integers_beyond_64_bits_are_written_whole(evaluate: Any) -> None:
    assert evaluate("json_encode(x)", x=[2**70]) == "[1180591620717411303424]"


def test_json_that_is_too_deep_fails(evaluate: Any) -> None:
    with pytest.raises(RuleError):
        evaluate("json_decode(x)", x="[" * 5_000 + "]" * 5_000)
