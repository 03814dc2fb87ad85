"""Bits of integers and of binaries."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from app.rules.sql import RuleError
from app.rules.terms.values import UNDEFINED, Bits


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("bitnot(5)", -6),
        ("bitand(12, 10)", 8),
        ("bitor(12, 10)", 14),
        ("bitxor(12, 10)", 6),
        ("bitsl(1, 4)", 16),
        ("bitsr(16, 4)", 1),
        ("bitsl(16, -4)", 1),
        ("bitsr(1, -4)", 16),
        ("bitsize('abc')", 24),
    ],
)
def test_integers(evaluate: Any, expression: str, expected: int) -> None:
    assert evaluate(expression) == expected


@pytest.mark.parametrize(("length", "expected"), [(1, 1), (4, 15), (8, 255), (9, 255)])
def test_the_first_bits_of_a_byte(evaluate: Any, length: int, expected: int) -> None:
    assert evaluate(f"subbits(b, {length})", b=b"\xff") == expected


@pytest.mark.parametrize(("length", "expected"), [(1, 1), (6, 63), (7, 127), (8, 127)])
def test_bits_from_a_place_end_where_the_binary_ends(
    evaluate: Any, length: int, expected: int
) -> None:
    assert evaluate(f"subbits(b, 2, {length})", b=b"\xff") == expected


def test_there_is_nothing_behind_the_end(evaluate: Any) -> None:
    assert evaluate("subbits(b, 9, 1)", b=b"\xff") is UNDEFINED
    assert evaluate("subbits('', 1, 1)") is UNDEFINED


@pytest.mark.parametrize("number", [456, -456])
@pytest.mark.parametrize("endian", ["big", "little"])
def test_signed_integers_of_either_order(evaluate: Any, number: int, endian: str) -> None:
    data = number.to_bytes(4, endian, signed=True)  # type: ignore[arg-type]

    assert evaluate(f"subbits(b, 1, 32, 'integer', 'signed', '{endian}')", b=data) == number


def test_floats(evaluate: Any) -> None:
    found = evaluate("subbits(b, 1, 64, 'float', 'unsigned', 'big')", b=struct.pack(">d", -5.3))
    assert found == -5.3
    with pytest.raises(RuleError, match="case_clause"):
        evaluate("subbits(b, 1, 24, 'float', 'unsigned', 'big')", b=b"abc")
    with pytest.raises(RuleError, match="no number"):
        evaluate("subbits(b, 1, 32, 'float', 'unsigned', 'big')", b=b"\x7f\xc0\x00\x00")


def test_bits_stay_bits_where_they_are_no_whole_bytes(evaluate: Any) -> None:
    assert evaluate("subbits('abc', 9, 8, 'bits', 'unsigned', 'big')") == "b"
    assert evaluate("subbits(b, 1, 4, 'bits', 'unsigned', 'big')", b=b"\xf0") == Bits(15, 4)
    assert evaluate("bitsize(subbits('a', 1, 4, 'bits', 'unsigned', 'big'))") == 4


def test_the_odd_bits_of_a_little_endian_integer_are_its_highest(evaluate: Any) -> None:
    assert evaluate("subbits(b, 1, 12, 'integer', 'unsigned', 'little')", b=b"\x34\x10") == 0x134


def test_unknown_types_and_bits_without_end_fail(evaluate: Any) -> None:
    with pytest.raises(RuleError, match="function_clause"):
        evaluate("subbits('a', 1, 1, 'text', 'signed', 'big')")
    with pytest.raises(RuleError, match="system_limit"):
        evaluate("bitsl(1, 100000000)")
