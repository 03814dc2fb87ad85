"""Ways into nested values: reading at the end of one, and making a copy with another value there.

A text on the way is read as JSON; what is not there is `UNDEFINED` and no error.

Source: EMQX 4.4 `emqx_rule_maps`.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from enum import Enum

from app.rules.terms.errors import RuleError
from app.rules.terms.scope import PAYLOAD, Scope
from app.rules.terms.values import UNDEFINED, Value, decode_json, weighed

_TEXTS = frozenset({str, bytes})
_CONTAINERS = frozenset({dict, list})


class End(Enum):
    """`[0]` and `[-0]`: the places before a list's first element and behind its last one."""

    HEAD = "0"
    TAIL = "-0"


@dataclass(frozen=True, slots=True)
class Index:
    """A place in a list: counted from 1, from the end where negative, or what a path leads to."""

    at: int | End | Path


Step = str | Index


@dataclass(frozen=True, slots=True)
class Path:
    """A column and the way into it: `payload.a[1].b`."""

    root: str
    steps: tuple[Step, ...] = ()


def read(path: Path, scope: Scope) -> Value:
    """Return what a path leads to.

    Raises:
        RuleError: it goes into a payload that is no JSON.
    """
    value = scope[path.root]
    if path.steps and path.root == PAYLOAD and type(value) in _TEXTS:
        value = scope.columns.decoded(value)
    origin = value
    for step in path.steps:
        value = read_step(step, value, origin, scope)
        if value is UNDEFINED:
            break
    return value


def read_step(step: Step, value: Value, origin: Value, scope: Scope) -> Value:
    """Return what is one step into a value.

    Args:
        step: a key or a place in a list.
        value: what to look into.
        origin: where the whole path set out: a place that a path leads to is looked for there first.
        scope: where such a place is looked for next.
    """
    if isinstance(step, str):
        return read_key(step, value)
    if type(value) is str or type(value) is bytes:
        value = _quietly_decoded(value)
    if type(value) is not list:
        return UNDEFINED
    at = _place(step, origin, scope)
    if type(at) is int and 0 < abs(at) <= len(value):
        return value[at - 1 if at > 0 else at]
    return UNDEFINED


def read_key(key: str, value: Value) -> Value:
    """Return what a map, or the JSON of one, has under a key."""
    if type(value) is str or type(value) is bytes:
        value = _quietly_decoded(value)
    return value.get(key, UNDEFINED) if type(value) is dict else UNDEFINED


def _quietly_decoded(text: str | bytes) -> Value:
    try:
        return decode_json(text)
    except ValueError:
        return UNDEFINED


def _place(index: Index, origin: Value, scope: Scope) -> int | End | Value:
    at = index.at
    if not isinstance(at, Path):
        return at
    found = origin
    for step in (at.root, *at.steps):
        found = read_step(step, found, origin, scope)
    return read(at, scope) if found is UNDEFINED else found


def read_range(items: Value, begin: int, end: int) -> list[Value]:
    """Return the part of a list from one place to another, both counted from 1 or, negative, from the end.

    Raises:
        RuleError: it is no list, or a place is 0 or before the first.
    """
    if type(items) is not list:
        raise RuleError("range_get: non_list_data")
    if begin == 0 or end == 0:
        raise RuleError("invalid_index: 0")
    first = begin if begin > 0 else len(items) + begin + 1
    last = end if end > 0 else len(items) + end + 1
    if first < 1 or last - first + 1 < 0:
        raise RuleError("function_clause: there is no such part of the list")
    return items[first - 1 : last]


def write(path: Path, value: Value, target: MutableMapping[str, Value], scope: Scope) -> None:
    """Put a value where a path leads, in copies of what stands there; levels that are missing are made.

    Args:
        path: where to; `[0]` and `[-0]` lengthen a list.
        value: what to put there.
        target: names to put it into.
        scope: where places that paths lead to are looked for.
    """
    if not path.steps:
        target[path.root] = value
        return
    scope.check()
    found = target[path.root] if isinstance(target, Scope) else target.get(path.root, UNDEFINED)
    if path.root == PAYLOAD and type(found) in _TEXTS:
        found = scope.columns.decoded(found)
    changed = written(path.steps, value, found, scope)
    target[path.root] = weighed(changed) if type(value) in _CONTAINERS else changed


def written(steps: tuple[Step, ...], value: Value, into: Value, scope: Scope) -> Value:
    """Return a copy of `into` with a value at the end of some steps."""
    if not steps:
        return value
    step = steps[0]
    inner = read_step(step, into, into, scope)
    value = written(steps[1:], value, inner, scope)
    if isinstance(step, str):
        return _with_key(step, value, into)
    return _with_item(_place(step, into, scope), value, into)


def written_keys(keys: tuple[str, ...], value: Value, into: Value) -> Value:
    """Return a copy of `into` with a value at the end of some keys."""
    if not keys:
        return value
    inner = read_key(keys[0], into)
    return _with_key(keys[0], written_keys(keys[1:], value, inner), into)


def _with_key(key: str, value: Value, into: Value) -> dict[str, Value]:
    return {**into, key: value} if type(into) is dict else {key: value}


def _with_item(at: int | End | Value, value: Value, items: Value) -> list[Value]:
    if type(items) is not list:
        return [value]
    if at is End.HEAD:
        return [value, *items]
    if at is End.TAIL:
        return [*items, value]
    if type(at) is not int or not 0 < abs(at) <= len(items):
        return items
    place = at - 1 if at > 0 else len(items) + at
    return [*items[:place], value, *items[place + 1 :]]
