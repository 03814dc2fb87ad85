"""Statements of rules as people like to read them: a clause a line, and a column a line where there are several.

Only spaces, line breaks and the case of keywords change; what would mean anything else afterwards stays as it is.
"""

from __future__ import annotations

import re

from app.rules.sql.errors import SqlSyntaxError
from app.rules.sql.parse import parse

_PIECE = re.compile(r"""--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|[\w$@~]+|\s+|.""", re.DOTALL)
_LISTS = frozenset({"SELECT", "FOREACH", "DO"})
"""Clauses that begin with a list of columns."""
_CLAUSES = _LISTS | {"INCASE", "FROM", "WHERE"}
_JOINS = frozenset({"AND", "OR"})
_KEYWORDS = _CLAUSES | _JOINS | {"AS", "CASE", "WHEN", "THEN", "ELSE", "END", "NOT", "IN"}
_OPEN, _CLOSE = frozenset({"(", "[", "CASE"}), frozenset({")", "]", "END"})
_INDENT = "\n  "


def formatted(text: str) -> str:
    """Return a statement in lines; as it was where it is none."""
    try:
        found = _in_lines(text)
        return found if parse(found) == parse(text) else text
    except SqlSyntaxError:
        return text


def _in_lines(text: str) -> str:
    pieces = _pieces(text)
    lines: list[str] = []
    depth, clause, gap = 0, "", ""
    for number, piece in enumerate(pieces):
        if piece.isspace():
            gap = gap or " "
            continue
        if piece in _CLOSE:
            depth -= 1
        if depth == 0 and piece in _CLAUSES:
            clause, gap = piece, "\n" if lines else ""
        elif depth == 0 and piece in _JOINS and clause in {"WHERE", "INCASE"}:
            gap = _INDENT
        lines += gap, piece
        gap = ""
        if piece in _OPEN:
            depth += 1
        if piece.startswith("--"):
            gap = _INDENT
        elif depth == 0 and clause in _LISTS and piece in {clause, ","}:
            gap = _INDENT if _has_several(pieces[number:], clause) or piece == "," else " "
        elif piece == ",":
            gap = " "
    return "".join(lines)


def _pieces(text: str) -> list[str]:
    """Return what a statement is made of, keywords in capitals; a word after a dot is a name."""
    found: list[str] = []
    for piece in _PIECE.findall(text.strip()):
        is_name = bool(found) and found[-1] == "."
        is_keyword = piece.upper() in _KEYWORDS and not is_name
        found.append(piece.upper() if is_keyword else piece)
    return found


def _has_several(pieces: list[str], clause: str) -> bool:
    """Tell whether the list of the clause that begins these pieces has more than one column."""
    depth = 0
    for piece in pieces[1:]:
        depth += (piece in _OPEN) - (piece in _CLOSE)
        if depth == 0 and piece in _CLAUSES:
            return False
        if depth == 0 and piece == ",":
            return True
    return False
