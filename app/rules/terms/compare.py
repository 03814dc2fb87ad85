"""How values compare: Erlang's order of terms, and what EMQX puts in front of it.

Source: EMQX 4.4 `emqx_rule_runtime:compare/3`; Erlang's reference manual, "Term Comparisons".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.mqtt.topic import matches
from app.rules.terms.errors import RuleError
from app.rules.terms.values import UNDEFINED, Value, atom_to_text, bytes_of, number_of

_SIMPLE = frozenset({str, int, float})
"""Types whose values Python compares among themselves as Erlang does."""
_MIXED = frozenset({(int, float), (float, int)})
"""Two types of which the same is true."""
_NUMBERS = frozenset({int, float})
_TEXTS = frozenset({str, bytes})
_RANKS = {int: 0, float: 0, dict: 2, list: 3, str: 4, bytes: 4}
_ATOM_RANK = 1


def equal(left: Value, right: Value) -> bool:
    """Tell whether two values are equal; an integer equals the float of the same worth."""
    kind = type(left)
    if kind is type(right) and kind in _SIMPLE:
        return bool(left == right)
    if kind in _NUMBERS:
        return type(right) in _NUMBERS and bool(left == right)
    if kind is list:
        return (
            type(right) is list
            and len(left) == len(right)
            and all(map(equal, left, right))
        )  # fmt: skip
    if kind is dict:
        return (
            type(right) is dict
            and left.keys() == right.keys()
            and all(equal(item, right[key]) for key, item in left.items())
        )
    return kind is type(right) and bool(left == right)


def same(left: Value, right: Value) -> bool:
    """Tell whether two values are the same: 1 is not 1.0. What `IN`, `contains` and `CASE x` go by."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is list:
        return len(left) == len(right) and all(map(same, left, right))
    if kind is dict:
        return left.keys() == right.keys() and all(
            same(item, right[key]) for key, item in left.items()
        )
    return bool(left == right)


def less(left: Value, right: Value) -> bool:
    """Tell whether a value comes before another one in the order of terms."""
    return order(left, right) < 0


def order(left: Value, right: Value) -> int:
    """Return -1, 0 or 1: number < atom < map < list < text, and within a kind by worth."""
    ranks = _RANKS.get(type(left), _ATOM_RANK), _RANKS.get(type(right), _ATOM_RANK)
    if ranks[0] != ranks[1]:
        return -1 if ranks[0] < ranks[1] else 1
    if ranks[0] == _RANKS[dict]:
        return _order_of_maps(left, right)
    if ranks[0] == _RANKS[list]:
        return _order_of_items(left, right)
    if ranks[0] == _ATOM_RANK:
        return _sign(atom_to_text(left), atom_to_text(right))
    if ranks[0] == _RANKS[bytes]:
        return _sign(bytes_of(left), bytes_of(right))
    return _sign(left, right)


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _order_of_items(left: list[Value], right: list[Value]) -> int:
    for one, other in zip(left, right, strict=False):
        found = order(one, other)
        if found:
            return found
    return _sign(len(left), len(right))


def _order_of_maps(left: dict[str, Value], right: dict[str, Value]) -> int:
    """Compare sizes first, then the keys in their order, then the values in the order of the keys."""
    keys = sorted(left), sorted(right)
    found = _sign(len(left), len(right)) or _sign(*keys)
    if found:
        return found
    return _order_of_items([left[key] for key in keys[0]], [right[key] for key in keys[1]])


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Return two values with a text made a number beside a number, and an atom a text beside a text."""
    if left is UNDEFINED or right is UNDEFINED:
        return left, right
    kinds = type(left), type(right)
    if kinds[0] in _TEXTS:
        if kinds[1] in _NUMBERS:
            return number_of(left), right
        if kinds[1] not in _RANKS:
            return left, atom_to_text(right)
    elif kinds[1] in _TEXTS:
        if kinds[0] in _NUMBERS:
            return left, number_of(right)
        if kinds[0] not in _RANKS:
            return atom_to_text(left), right
    return left, right


def is_equal(left: Value, right: Value) -> bool:
    """`=`."""
    if type(left) is type(right) and type(left) in _SIMPLE:
        return bool(left == right)
    return equal(*_alike(left, right))


def is_not_equal(left: Value, right: Value) -> bool:
    """`!=` and `<>`."""
    return not is_equal(left, right)


def is_less(left: Value, right: Value) -> bool:
    """`<`; nothing is less than what is not there, nor the other way round."""
    kinds = type(left), type(right)
    if (kinds[0] is kinds[1] and kinds[0] in _SIMPLE) or kinds in _MIXED:
        return bool(left < right)
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return order(*_alike(left, right)) < 0


def is_greater(left: Value, right: Value) -> bool:
    """`>`."""
    kinds = type(left), type(right)
    if (kinds[0] is kinds[1] and kinds[0] in _SIMPLE) or kinds in _MIXED:
        return bool(left > right)
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return order(*_alike(left, right)) > 0


def is_less_or_equal(left: Value, right: Value) -> bool:
    """`<=`: equal or less."""
    return is_equal(left, right) or is_less(left, right)


def is_greater_or_equal(left: Value, right: Value) -> bool:
    """`>=`: equal or greater."""
    return is_equal(left, right) or is_greater(left, right)


def is_matched(left: Value, right: Value) -> bool:
    """`=~`: a topic matches a filter.

    Raises:
        RuleError: one side is neither a text nor missing.
    """
    if left is UNDEFINED or right is UNDEFINED:
        return left is right
    left, right = _alike(left, right)
    if type(left) is not str or type(right) is not str:
        raise RuleError("badarg: =~ compares a topic with a topic filter")
    return matches(left, right)


COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "=": is_equal,
    "!=": is_not_equal,
    "<>": is_not_equal,
    "<": is_less,
    ">": is_greater,
    "<=": is_less_or_equal,
    ">=": is_greater_or_equal,
    "=~": is_matched,
}
