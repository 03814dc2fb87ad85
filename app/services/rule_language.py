"""What an editor of statements must know: where a statement goes wrong, which functions and columns there are.

It reads tables of the rule engine; nothing here runs anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.rules.events import EVENTS, Event
from app.rules.functions.function import BINARY, BITS, FLOAT, INTEGER, LIST, NUMBER, TEXT, Function
from app.rules.functions.table import FUNCTIONS
from app.rules.sql import SqlSyntaxError, compile_sql

_KINDS = {
    TEXT: "text",
    BINARY: "text",
    BITS: "bits",
    INTEGER: "integer",
    FLOAT: "float",
    NUMBER: "number",
    LIST: "list",
}
_SAYS_NOTHING = frozenset({"a", "b", "x", "obj", "self", "value", "numbers", "given", "rest"})
"""Names of parameters that tell less than their types do."""


@dataclass(frozen=True, slots=True)
class StatementProblem:
    """Where a text stops being a statement; lines and columns count from 1."""

    line: int
    column: int
    expected: tuple[str, ...]
    """What could have stood there; empty where a topic is none."""
    found: str
    """What stands there, or what is wrong with the topic."""


def problem_of(rawsql: str) -> StatementProblem | None:
    """Return what is wrong with a statement; None where it is one."""
    try:
        query = compile_sql(rawsql)
    except SqlSyntaxError as error:
        return StatementProblem(error.line, error.column, error.expected, error.found)
    for topic in query.topics:
        try:
            validate_topic_filter(topic)
        except InvalidTopic as error:
            before = rawsql[: max(rawsql.rfind(topic), 0)]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            return StatementProblem(line, column, (), f"{topic}: {error}")
    return None


def events() -> Sequence[Event]:
    """Return the kinds of events, in EMQX's order."""
    return tuple(EVENTS.values())


def event_called(name: str) -> Event:
    """Return a kind of event; of unknown names that of published messages, which is the first."""
    return EVENTS.get(name) or next(iter(EVENTS.values()))


@cache
def signatures() -> Mapping[str, str]:
    """Return how each function is called, by its name: `substr(text, start[, length])`."""
    return {name: name + _parameters(function) for name, function in sorted(FUNCTIONS.items())}


def _parameters(function: Function) -> str:
    names = _names(function)
    needed = len(function.takes) - function.optional
    shown = []
    for place, kinds in enumerate(function.takes):
        name = names[place] if place < len(names) else ""
        if not name or name in _SAYS_NOTHING:
            name = _KINDS.get(kinds, "value") if kinds is not None else "value"
        shown.append(name)
    more = "".join(f"[, {name}" for name in shown[needed:]) + "]" * function.optional
    if not needed:
        more = more.replace("[, ", "[", 1)
    return f"({', '.join(shown[:needed])}{more}{', …' if function.takes_more else ''})"


def _names(function: Function) -> list[str]:
    try:
        found = inspect.signature(function.call).parameters.values()
    except ValueError:  # types such as dict tell nothing about themselves
        return []
    names = [one.name for one in found if one.kind is not one.VAR_POSITIONAL]
    return names[1:] if function.sees_scope else names
