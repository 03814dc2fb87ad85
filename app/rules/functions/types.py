"""Functions that tell what a value is."""

from __future__ import annotations

from collections.abc import Callable

from app.rules.functions.function import ANY, Function
from app.rules.terms.values import UNDEFINED, Value


def _is_a(*kinds: type) -> Function:
    wanted = frozenset(kinds)
    return Function(lambda value: type(value) in wanted, (ANY,))


def _tells(work: Callable[[Value], bool]) -> Function:
    return Function(work, (ANY,))


FUNCTIONS = {
    "is_null": _tells(lambda value: value is UNDEFINED),
    "is_not_null": _tells(lambda value: value is not UNDEFINED),
    "is_str": _is_a(str, bytes),
    "is_bool": _is_a(bool),
    "is_int": _is_a(int),
    "is_float": _is_a(float),
    "is_num": _is_a(int, float),
    "is_map": _is_a(dict),
    "is_array": _is_a(list),
}
