"""Substrings in the database as EMQX means them: case and every character count. LIKE would do neither everywhere."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import InstrumentedAttribute, Session

_POSITION = {"postgresql": func.strpos}


def contains(
    session: Session, column: InstrumentedAttribute[str], part: str
) -> ColumnElement[bool]:
    """Return the condition that a column holds a text as it is.

    Args:
        session: Whose database decides how it is written.
        column: One that compares exactly (`Key`).
        part: What must be in it.
    """
    position = _POSITION.get(session.get_bind().dialect.name, func.instr)
    return position(column, part) > 0
