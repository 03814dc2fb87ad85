"""Functions of bits: of integers, and of the bits that a binary is made of."""

from __future__ import annotations

import operator
import struct

from app.rules.functions.function import ANY, BITS, INTEGER, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.values import (
    MAX_BITS,
    UNDEFINED,
    Bits,
    Value,
    bounded,
    bytes_of,
    text_of_bytes,
)

_FLOAT_FORMATS = {16: "e", 32: "f", 64: "d"}


def shift_left(number: int, places: int) -> int:
    """Return an integer with its bits moved to the left, or, with negative places, to the right."""
    if places < 0:
        return number >> -places
    if number and places > MAX_BITS:
        raise RuleError("system_limit: an integer of too many bits")
    return bounded(number << places) if number else 0


def shift_right(number: int, places: int) -> int:
    """Return an integer with its bits moved to the right."""
    return shift_left(number, -places)


def _bits_of(value: str | bytes | Bits) -> tuple[int, int]:
    """Return bits as an integer, the first one its highest, and their number."""
    if isinstance(value, Bits):
        return value.number, value.size
    data = bytes_of(value)
    return int.from_bytes(data, "big"), len(data) * 8


def bitsize(value: str | bytes | Bits) -> int:
    """Return how many bits a binary has."""
    return _bits_of(value)[1]


def subbits(
    value: str | bytes | Bits,
    start: int,
    length: int | None = None,
    kind: Value = "integer",
    sign: Value = "unsigned",
    endian: Value = "big",
) -> Value:
    """Return what some of a binary's bits say; `UNDEFINED` behind its end, what remains where it is too short.

    Args:
        value: the binary.
        start: the first bit, counted from 1; the length instead where no length follows.
        length: how many bits.
        kind: `integer`, `float` or `bits`.
        sign: `signed` or `unsigned`.
        endian: `big` or `little`.
    """
    if length is None:
        start, length = 1, start
    if (sign, endian) not in _SHAPES or kind not in _READERS:
        raise RuleError("function_clause: subbits knows no such type")
    number, size = _bits_of(value)
    left = size - (start - 1)
    if start < 1 or left <= 0:
        return UNDEFINED
    taken = length if 0 <= length <= left else left
    number = (number >> (left - taken)) & ((1 << taken) - 1)
    return _READERS[kind](number, taken, sign == "signed", endian == "little")


_SHAPES = {(sign, endian) for sign in ("signed", "unsigned") for endian in ("big", "little")}


def _as_integer(number: int, size: int, signed: bool, little: bool) -> int:
    if little:
        number = _turned(number, size)
    number = bounded(number)
    return number - (1 << size) if signed and size and number >> (size - 1) else number


def _turned(number: int, size: int) -> int:
    """Return bits with the last byte first; those that are no whole byte were the last and become the highest."""
    whole, odd = divmod(size, 8)
    low = (number >> odd).to_bytes(whole, "big")
    return (number & ((1 << odd) - 1)) << (whole * 8) | int.from_bytes(low, "little")


def _as_float(number: int, size: int, signed: bool, little: bool) -> float:
    shape = _FLOAT_FORMATS.get(size)
    if shape is None:
        raise RuleError(f"case_clause: no float has {size} bits")
    data = number.to_bytes(size // 8, "big")
    (value,) = struct.unpack(("<" if little else ">") + shape, data)
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is what is not itself
        raise RuleError("case_clause: these bits are no number")
    return float(value)


def _as_bits(number: int, size: int, signed: bool, little: bool) -> Value:
    if size % 8:
        return Bits(number, size)
    return text_of_bytes(number.to_bytes(size // 8, "big"))


_READERS = {"integer": _as_integer, "float": _as_float, "bits": _as_bits}

_PAIR = (INTEGER, INTEGER)

FUNCTIONS = {
    "bitnot": Function(operator.invert, (INTEGER,)),
    "bitand": Function(operator.and_, _PAIR),
    "bitor": Function(operator.or_, _PAIR),
    "bitxor": Function(operator.xor, _PAIR),
    "bitsl": Function(shift_left, _PAIR),
    "bitsr": Function(shift_right, _PAIR),
    "bitsize": Function(bitsize, (BITS,)),
    "subbits": Function(subbits, (BITS, INTEGER, INTEGER, ANY, ANY, ANY), optional=4),
}
