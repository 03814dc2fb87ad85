"""Statements in lines: what they mean never changes."""

from __future__ import annotations

import pytest

from app.dashboard.statements import formatted


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('select * from "t/#"', 'SELECT *\nFROM "t/#"'),
        (
            'select payload.t as t,clientid from "a", "b" where t>1 and (x = 1 or y=2) or z',
            'SELECT\n  payload.t AS t,\n  clientid\nFROM "a", "b"\nWHERE t>1\n  AND (x = 1 or y=2)\n  OR z'.replace(
                " or y", " OR y"
            ),
        ),
        (
            "foreach payload.s as s do s.a as a, clientid incase s.a = 'x and y' from \"t\"",
            "FOREACH payload.s AS s\nDO\n  s.a AS a,\n  clientid\nINCASE s.a = 'x and y'\nFROM \"t\"",
        ),
        (
            'SELECT case when a = 1 and b then 1 else 2 end AS c FROM "t"',
            'SELECT CASE WHEN a = 1 AND b THEN 1 ELSE 2 END AS c\nFROM "t"',
        ),
        (
            'SELECT payload.from, nth(1, l) -- the first\n, b FROM "t"',
            'SELECT\n  payload.from,\n  nth(1, l) -- the first\n  ,\n  b\nFROM "t"',
        ),
        ("SELECT FROM nothing", "SELECT FROM nothing"),
        ("it's no statement", "it's no statement"),
    ],
)
def test_a_statement_is_put_into_lines(text, lines):
    assert formatted(text) == lines
    assert formatted(lines) == lines
