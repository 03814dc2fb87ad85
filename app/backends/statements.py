"""Statements with places for values, whatever a driver's mark for such a place is; and many rows in one statement.

A value never becomes a part of a statement: it travels beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

Bound = None | bool | int | float | str | bytes
"""What travels beside a statement."""

_TOKEN = re.compile(
    r"""'(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*" | `[^`]*`    # what is quoted
    | /\*.*?\*/ | --[^\n]* | \#[^\n]*                            # comments
    | \w+ | .""",
    re.VERBOSE | re.DOTALL,
)
_INSERTS = frozenset({"INSERT", "REPLACE"})
_VALUES = frozenset({"VALUES", "VALUE"})
MARK = "?"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, taken apart where its values go."""

    parts: tuple[str, ...]
    """The texts around the values: one more than there are values."""

    @property
    def width(self) -> int:
        """Return how many values it takes."""
        return len(self.parts) - 1

    def text(self, mark: Callable[[int], str]) -> str:
        """Return it with a driver's marks; `mark` is given the number of the value, from 1."""
        made = [self.parts[0]]
        for number, part in enumerate(self.parts[1:], 1):
            made += [mark(number), part]
        return "".join(made)

    @property
    def marked(self) -> str:
        """Return it with a question mark for each value."""
        return self.text(lambda _number: MARK)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT of one row, of which one of many rows can be made."""

    head: str
    row: str
    """With its parentheses."""
    tail: str

    def of(self, rows: int) -> str:
        """Return the statement for so many rows."""
        return f"{self.head}{', '.join([self.row] * rows)}{self.tail}"


def as_insert(statement: Statement) -> Insert | None:
    """Return an INSERT whose values all stand in its one row; None where the statement is anything else."""
    text = statement.marked
    begin = _row_of(text)
    if begin is None:
        return None
    end = _closed(text, begin)
    head, row, tail = text[:begin], text[begin:end], text[end:]
    is_one_row = not tail.strip() or tail.split()[0].upper() == "ON"
    has_all = _marks(row) == statement.width and not _marks(head) and not _marks(tail)
    return Insert(head, row, tail) if end and is_one_row and has_all else None


def _row_of(text: str) -> int | None:
    """Return where the first row after VALUES begins."""
    tokens = [match for match in _TOKEN.finditer(text) if not match[0].isspace()]
    if not tokens or tokens[0][0].upper() not in _INSERTS:
        return None
    depth = 0
    for token, following in pairwise(tokens):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0 and token[0].upper() in _VALUES and following[0] == "(":
            return following.start()
    return None


def _closed(text: str, begin: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, begin):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return 0


def _marks(text: str) -> int:
    return sum(match[0] == MARK for match in _TOKEN.finditer(text))


def in_chunks(
    rows: Sequence[Sequence[Bound]], sizes: Sequence[int], most_bytes: int
) -> Iterator[Sequence[Sequence[Bound]]]:
    """Yield rows in runs of as few different lengths as possible, so that few statements have to be prepared.

    Args:
        rows: In their order.
        sizes: The lengths, the longest first, 1 the last.
        most_bytes: Of texts in one run; a row that is longer is a run of its own.
    """
    weights = [sum(len(v) for v in row if isinstance(v, str | bytes)) for row in rows]
    begin = 0
    while begin < len(rows):
        fitting = (
            size
            for size in sizes
            if begin + size <= len(rows) and sum(weights[begin : begin + size]) <= most_bytes
        )
        size = next(fitting, 1)
        yield rows[begin : begin + size]
        begin += size
