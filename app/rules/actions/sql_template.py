"""Statements in SQL with `${a.b}` in them: each becomes a place for a value, and never a part of the statement.

A variable stands alone, `values (${clientid})`, or alone in quotes, `'${clientid}'`, which means the same. In a longer
text in quotes, `'device/${clientid}'`, the whole text is the value. Anywhere else, as the name of a table, it is
refused when the action is made.

Source: EMQX 4.4 `emqx_rule_utils:preproc_sql`; the texts in quotes are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.backends.statements import Bound, Statement
from app.rules.errors import ActionFailed, BadArguments
from app.rules.sql import RuleError
from app.rules.templates import Output, Template, find
from app.rules.terms.values import UNDEFINED, text_of_bytes, to_json

_PLACE = re.compile(r"\$\{(.+?)\}")
_COMMON = r"""
    (?P<comment>/\*.*?\*/ | --[^\n]*{comment})
  | (?P<name>{name})
  | (?P<text>{text})
  | (?P<place>\$\{{.+?\}})
  | (?P<other>.)
"""
_BACKSLASHES = r"'(?:[^'\\]|''|\\.)*'"
_PLAIN = r"'(?:[^']|'')*'"
_QUOTED = '"(?:[^"]|"")*"'
_NAME_CHARACTER = re.compile(r"[\w.$@]")
_SMALLEST, _LARGEST = -(2**63), 2**64


def _tokens(name: str, text: str, comment: str = "") -> re.Pattern[str]:
    pattern = _COMMON.format(name=name, text=text, comment=comment)
    return re.compile(pattern, re.VERBOSE | re.DOTALL)


class Dialect(Enum):
    """What is quoted, and how."""

    PGSQL = _tokens(
        # The text between dollars is as good as a name: nothing is filled in there.
        rf"{_QUOTED} | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$",
        rf"[eE]{_BACKSLASHES} | {_PLAIN}",
    )
    MYSQL = _tokens(r"`[^`]*`", rf'{_BACKSLASHES} | "(?:[^"\\]|""|\\.)*"', r" | \#[^\n]*")
    SQLITE = _tokens(rf"{_QUOTED} | `[^`]*` | \[[^]]*\]", _PLAIN)


Reader = Callable[[Output], Bound]


@dataclass(frozen=True, slots=True)
class SqlTemplate:
    """One statement, and where its values come from."""

    statement: Statement
    readers: tuple[Reader, ...]

    @classmethod
    def parse(cls, text: str, dialect: Dialect, *, nulls: bool = True) -> SqlTemplate:
        """Take a statement apart.

        Args:
            text: As the operator wrote it.
            dialect: Of the database.
            nulls: Whether what is not there is NULL; else it is the text `undefined`.

        Raises:
            BadArguments: A variable stands where no value can.
        """
        parts = [""]
        readers: list[Reader] = []
        for kind, token, has_neighbour in _pieces(text.strip().rstrip(";"), dialect):
            reader = _reader(kind, token, has_neighbour, nulls=nulls)
            if reader is None:
                parts[-1] += token
            else:
                parts.append("")
                readers.append(reader)
        return cls(Statement(tuple(parts)), tuple(readers))

    def values(self, output: Output) -> list[Bound]:
        """Return the values of one result.

        Raises:
            ActionFailed: One has no form.
        """
        return [reader(output) for reader in self.readers]


def _pieces(text: str, dialect: Dialect) -> Iterator[tuple[str, str, bool]]:
    """Yield kind and text of each token, and whether it is glued to a part of a name."""
    for match in dialect.value.finditer(text):
        around = text[max(0, match.start() - 1) : match.start()] + text[match.end() :][:1]
        yield str(match.lastgroup), match[0], bool(_NAME_CHARACTER.search(around))


def _reader(kind: str, token: str, has_neighbour: bool, *, nulls: bool) -> Reader | None:
    if kind == "other" or not _PLACE.search(token):
        return None
    if kind in ("comment", "name") or (kind == "place" and has_neighbour):
        raise _misplaced(token)
    if kind == "place":
        return _value_of(token, nulls=nulls)
    inside = token[1:-1]
    if _PLACE.fullmatch(inside) and inside.count("${") == 1:
        return _value_of(inside, nulls=nulls)
    if "\\" in inside or "'" in inside or '"' in inside or token[0] in "eE":
        raise _misplaced(token)
    return _text_of(Template(inside))


def _misplaced(token: str) -> BadArguments:
    return BadArguments(f'{{bad_sql,<<"no value can stand here: {token[:80]}">>}}')


def _value_of(place: str, *, nulls: bool) -> Reader:
    path = tuple(place[2:-1].split("."))
    missing = None if nulls else str(UNDEFINED)

    def read(output: Output) -> Bound:
        value = find(output, path)
        return missing if value is UNDEFINED else bound(value)

    return read


def _text_of(template: Template) -> Reader:
    return lambda output: text_of_bytes(template.fill(output))


def bound(value: Any) -> Bound:
    """Return a value as databases take it: maps and lists as JSON, and integers beyond 64 bits as text.

    Raises:
        ActionFailed: It has no such form.
    """
    if value is None or isinstance(value, bool | float | str | bytes):
        return value
    if isinstance(value, int):
        return value if _SMALLEST <= value < _LARGEST else str(value)
    try:
        return to_json(value)
    except RuleError as error:
        raise ActionFailed(str(error)) from None
