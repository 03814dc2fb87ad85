"""What an editor of statements is told: places of mistakes, functions, events."""

from __future__ import annotations

import pytest

from app.rules.functions.table import FUNCTIONS
from app.services.rule_language import event_called, events, problem_of, signatures


def test_a_statement_has_no_problem():
    assert problem_of('SELECT * FROM "t/#"') is None


@pytest.mark.parametrize(
    ("rawsql", "line", "column"),
    [
        ('SELECT * FRM "t"', 1, 10),
        ("SELECT *\nFROM", 2, 5),
        ('SELECT * FROM "t"\nWHERE a = ', 2, 11),
        ('SELECT *\nFROM "a",\n  "t/#/x"', 3, 4),
    ],
)
def test_a_mistake_has_its_place(rawsql, line, column):
    problem = problem_of(rawsql)
    assert problem is not None
    assert (problem.line, problem.column) == (line, column)


def test_a_topic_that_is_none_says_why():
    problem = problem_of('SELECT * FROM "t/#/x"')
    assert problem is not None
    assert problem.expected == ()
    assert "t/#/x" in problem.found


def test_every_function_has_a_signature():
    assert signatures().keys() == FUNCTIONS.keys()
    assert all(text.startswith(f"{name}(") for name, text in signatures().items())


@pytest.mark.parametrize(
    "text",
    [
        "abs(integer)",
        "substr(text, start[, length])",
        "pad(text, length[, side[, letter]])",
        "now_rfc3339([unit])",
        "sprintf(template, …)",
        "map_new()",
    ],
)
def test_a_signature_tells_what_may_be_left_out(text):
    assert text in signatures().values()


def test_an_unknown_event_is_that_of_published_messages():
    assert event_called("nothing").name == "message.publish"
    assert event_called("client.connected") in events()
