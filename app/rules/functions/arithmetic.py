"""Arithmetic: what stands behind the operators, and functions of numbers.

Integers stay integers and have no fixed size, floats are never infinite, and division of integers cuts towards zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from app.rules.functions.function import ANY, INTEGER, NUMBER, Function
from app.rules.terms.compare import equal
from app.rules.terms.errors import RuleError
from app.rules.terms.values import (
    Value,
    bounded,
    bounded_text,
    bytes_of,
    finite,
    text_of_bytes,
)

Number = int | float

_NUMBERS = frozenset({int, float})
_TEXTS = frozenset({str, bytes})


def _result(number: Number) -> Number:
    return bounded(number) if type(number) is int else finite(number)


def _both(left: Value, right: Value) -> None:
    if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
        raise RuleError("unsupported_function_operator_type")


def add(left: Value, right: Value) -> Value:
    """`+`: two numbers make their sum, two texts one text."""
    kinds = type(left), type(right)
    if kinds[0] in _NUMBERS and kinds[1] in _NUMBERS:
        return _result(_work(float.__add__, int.__add__, left, right))
    if kinds == (str, str):
        return bounded_text(left + right)
    if kinds[0] in _TEXTS and kinds[1] in _TEXTS:
        return bounded_text(text_of_bytes(bytes_of(left) + bytes_of(right)))
    if kinds[0] in _NUMBERS | _TEXTS and kinds[1] in _NUMBERS | _TEXTS:
        raise RuleError("unsupported_type_implicit_conversion")
    raise RuleError("unsupported_function_operator_type")


def subtract(left: Value, right: Value) -> Number:
    """`-`."""
    _both(left, right)
    return _result(_work(float.__sub__, int.__sub__, left, right))


def multiply(left: Value, right: Value) -> Number:
    """`*`."""
    _both(left, right)
    return _result(_work(float.__mul__, int.__mul__, left, right))


def divide(left: Value, right: Value) -> float:
    """`/`: always a float."""
    _both(left, right)
    try:
        return finite(left / right)
    except ArithmeticError as error:
        raise RuleError(f"badarith: {error}") from None


def _work(
    of_floats: Callable[[float, float], float],
    of_integers: Callable[[int, int], int],
    left: Number,
    right: Number,
) -> Number:
    if type(left) is int and type(right) is int:
        return of_integers(left, right)
    try:
        return of_floats(float(left), float(right))
    except OverflowError as error:
        raise RuleError(f"badarith: {error}") from None


def _both_integers(left: Value, right: Value) -> None:
    if type(left) is not int or type(right) is not int:
        raise RuleError("unsupported_function_operator_type")
    if right == 0:
        raise RuleError("badarith: division by zero")


def int_divide(left: Value, right: Value) -> int:
    """`div`: what is left of the quotient of two integers without its fraction."""
    _both_integers(left, right)
    quotient: int = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def remainder(left: Value, right: Value) -> int:
    """`mod`: what `div` leaves; it has the sign of the left side."""
    _both_integers(left, right)
    left_over: int = abs(left) % abs(right)
    return -left_over if left < 0 else left_over


def round_half_away(number: Number) -> int:
    """Return the nearest integer; one that is halfway goes away from zero."""
    if type(number) is int:
        return number
    whole = math.floor(abs(Fraction(number)) + Fraction(1, 2))
    return -whole if number < 0 else whole


def _floating(work: Callable[..., float], count: int = 1) -> Function:
    """Return the function of numbers that answers with a float, or fails outside of its domain."""

    def call(*numbers: Number) -> float:
        try:
            return finite(float(work(*numbers)))
        except (ValueError, ArithmeticError) as error:
            raise RuleError(f"badarith: {error}") from None

    return Function(call, (NUMBER,) * count)


FUNCTIONS = {
    "abs": Function(abs, (INTEGER,)),
    "acos": _floating(math.acos),
    "acosh": _floating(math.acosh),
    "asin": _floating(math.asin),
    "asinh": _floating(math.asinh),
    "atan": _floating(math.atan),
    "atanh": _floating(math.atanh),
    "ceil": Function(math.ceil, (NUMBER,)),
    "cos": _floating(math.cos),
    "cosh": _floating(math.cosh),
    "exp": _floating(math.exp),
    "floor": Function(math.floor, (NUMBER,)),
    "fmod": _floating(math.fmod, 2),
    "log": _floating(math.log),
    "log10": _floating(math.log10),
    "log2": _floating(math.log2),
    "power": _floating(math.pow, 2),
    "round": Function(round_half_away, (NUMBER,)),
    "sin": _floating(math.sin),
    "sinh": _floating(math.sinh),
    "sqrt": _floating(math.sqrt),
    "tan": _floating(math.tan),
    "tanh": _floating(math.tanh),
    "eq": Function(equal, (ANY, ANY)),
    "div": Function(int_divide, (ANY, ANY)),
    "mod": Function(remainder, (ANY, ANY)),
}
