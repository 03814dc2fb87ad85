"""Tables and lists for people: aligned by what a terminal shows, not by what a string counts.

What clients chose themselves, ids and topics above all, may hold anything; nothing of it may move the cursor of whoever
reads a list. Knows text only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading and the member of a row that it shows."""

    heading: str
    member: str


def columns(*names: str) -> tuple[Column, ...]:
    """Return columns; `a=b` shows the member `b` under the heading `a`."""
    pairs = (name.partition("=") for name in names)
    return tuple(Column(heading, member or heading) for heading, _, member in pairs)


def shown(value: object) -> str:
    """Return a value as people read it: JSON's words, nothing for nothing, control characters spelt out."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Mapping():
            return ", ".join(f"{shown(key)}={shown(one)}" for key, one in value.items())
        case str():
            return printable(value)
        case list() | tuple():
            return ", ".join(shown(one) for one in value)
        case _:
            return str(value)


def printable(text: str) -> str:
    """Return a text in which what is no character to look at is spelt as Python spells it."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def width(text: str) -> int:
    """Return how many cells of a terminal a printable text fills."""
    if text.isascii():
        return len(text)
    return sum(_cells(one) for one in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def table(rows: Iterable[Mapping[str, object]], shape: Sequence[Column]) -> list[str]:
    """Return a heading and a line for each row; numbers stand on the right, all else on the left."""
    rows = list(rows)
    cells = [[shown(row.get(one.member)) for one in shape] for row in rows]
    headings = [one.heading for one in shape]
    widths = [
        max([width(heading), *(width(line[index]) for line in cells)])
        for index, heading in enumerate(headings)
    ]
    right = [bool(rows) and all(_is_number(row.get(one.member)) for row in rows) for one in shape]
    return [_line(line, widths, right) for line in [headings, *cells]]


def pairs(facts: Mapping[str, object], least_width: int = 0) -> list[str]:
    """Return a line for each fact, its name padded as `emqx_ctl` pads it."""
    names = {name: printable(name) for name in facts}
    longest = max([least_width, *(width(name) for name in names.values())])
    return [
        f"{names[name]}{' ' * (longest - width(names[name]))}: {shown(value)}".rstrip()
        for name, value in facts.items()
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        " " * (wide - width(cell)) + cell if is_right else cell + " " * (wide - width(cell))
        for cell, wide, is_right in zip(cells, widths, right, strict=True)
    ]
    return GAP.join(padded).rstrip()
