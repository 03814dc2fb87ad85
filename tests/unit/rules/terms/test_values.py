"""Values as text, JSON and numbers, and their bounds."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.rules.terms.errors import RuleError
from app.rules.terms.values import (
    MAX_BITS,
    MAX_PARTS,
    UNDEFINED,
    Bits,
    bounded,
    bytes_of,
    finite,
    float_to_text,
    number_of,
    text_of_bytes,
    to_json,
    to_text,
    weighed,
)


def test_a_binary_has_one_form() -> None:
    assert text_of_bytes("你".encode()) == "你"
    assert text_of_bytes(b"\xff") == b"\xff"
    assert bytes_of("你") == "你".encode()
    assert bytes_of(b"\xff") == b"\xff"


def test_what_is_not_there_is_a_word_wherever_it_is_written() -> None:
    assert str(UNDEFINED) == f"{UNDEFINED}" == "undefined"
    assert orjson.dumps({"a": UNDEFINED}) == b'{"a":"undefined"}'
    assert to_json([UNDEFINED, None]) == '["undefined",null]'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (b"\xff", b"\xff"),
        (1, "1"),
        (1.0, "1.0"),
        (0.1, "0.10000000000000001"),
        (1e20, "100000000000000000000.0"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (UNDEFINED, "undefined"),
        ({"a": 1}, '{"a":1}'),
        ([], ""),
        ([104, 105], "hi"),
        ([233], b"\xe9"),
        ([1, 2], "[1,2]"),
        ([True, 97], "[true,97]"),
        ({"a": b"\xff"}, '{"a":"\ufffd"}'),
        ([2**80], "[1208925819614629174706176]"),
    ],
)
def test_a_value_as_text(value: Any, text: str | bytes) -> None:
    assert to_text(value) == text


def test_bits_have_no_form() -> None:
    with pytest.raises(RuleError):
        to_text(Bits(1, 3))
    with pytest.raises(RuleError):
        to_json([Bits(1, 3)])


def test_a_value_too_deep_for_json_fails() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(RuleError):
        to_json(deep)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(1.5, 0, "2"), (2.5, 1, "2.5"), (2.0, 3, "2.0"), (-1.25, 5, "-1.25")],
)
def test_a_float_as_text(value: float, decimals: int, text: str) -> None:
    assert float_to_text(value, decimals) == text


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("-1", -1), ("+1", 1), ("1.5", 1.5), ("1.5e3", 1500.0)]
)
def test_a_text_as_number(text: str, number: float) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1.", ".5", "1e3", "0x1", "1_0", "nan", "inf", "1.0e999", b"\xff", "٣"]
)
def test_a_text_that_is_no_number_fails(text: str | bytes) -> None:
    with pytest.raises(RuleError, match="badarg"):
        number_of(text)


def test_numbers_are_bounded() -> None:
    assert bounded(1 << (MAX_BITS - 1))
    with pytest.raises(RuleError, match="system_limit"):
        bounded(1 << MAX_BITS)
    with pytest.raises(RuleError, match="system_limit"):
        number_of("1" * 5_000)
    with pytest.raises(RuleError, match="badarith"):
        finite(float("inf"))


def test_lists_are_bounded_by_what_is_in_them() -> None:
    half = [0] * (MAX_PARTS // 2)

    assert weighed([half]) == [half]
    with pytest.raises(RuleError, match="system_limit"):
        weighed([half, {"a": half}])
    with pytest.raises(RuleError, match="system_limit"):
        weighed([["a" * (1 << 20)] * 300])


def test_every_integer_that_a_statement_makes_can_be_written() -> None:
    largest = -(1 << MAX_BITS) + 1
    assert to_text(bounded(largest)) == to_json(bounded(largest)) == str(largest)
