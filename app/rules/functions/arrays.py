"""Functions of lists. Places count from 1."""

from __future__ import annotations

from app.rules.functions.function import ANY, INTEGER, LIST, Function
from app.rules.terms.compare import same
from app.rules.terms.errors import RuleError
from app.rules.terms.values import Value


def nth(place: int, items: list[Value]) -> Value:
    """Return an element.

    Raises:
        RuleError: there is none at that place.
    """
    if not 0 < place <= len(items):
        raise RuleError(f"function_clause: there is no element {place}")
    return items[place - 1]


def sublist(first: int, *rest: Value) -> list[Value]:
    """Return the first elements of a list (`length, list`), or so many from a place (`start, length, list`)."""
    *lengths, items = rest
    start, length = (first, lengths[0]) if lengths else (1, first)
    if type(items) is not list or type(length) is not int or start < 1 or length < 0:
        raise RuleError("function_clause: sublist takes places from 1, a length and a list")
    return items[start - 1 : start - 1 + length]


def first(items: list[Value]) -> Value:
    """Return the first element."""
    return nth(1, items)


def last(items: list[Value]) -> Value:
    """Return the last element."""
    return nth(len(items), items)


def contains(element: Value, items: list[Value]) -> bool:
    """Tell whether a value is in a list; 1 is not 1.0."""
    return any(same(element, item) for item in items)


FUNCTIONS = {
    "nth": Function(nth, (INTEGER, LIST)),
    "length": Function(len, (LIST,)),
    "sublist": Function(sublist, (INTEGER, ANY, ANY), optional=1),
    "first": Function(first, (LIST,)),
    "last": Function(last, (LIST,)),
    "contains": Function(contains, (ANY, LIST)),
}
