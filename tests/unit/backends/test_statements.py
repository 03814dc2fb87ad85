"""Statements whose values travel beside them, and many rows in one."""

from __future__ import annotations

import pytest

from app.backends.statements import Insert, Statement, as_insert, in_chunks


def a_statement(text: str) -> Statement:
    """Make one; `§` is a value."""
    return Statement(tuple(text.split("§")))


def test_each_driver_has_its_own_mark() -> None:
    statement = a_statement("insert into t values (§, §)")
    assert statement.width == 2
    assert statement.marked == "insert into t values (?, ?)"
    assert statement.text("${}".format) == "insert into t values ($1, $2)"


def test_an_insert_of_one_row_becomes_one_of_many() -> None:
    text = "insert into t(a, b) values (§, f(§, ')')) on duplicate key update a = values(a)"
    insert = as_insert(a_statement(text))
    assert insert == Insert(
        "insert into t(a, b) values ", "(?, f(?, ')'))", " on duplicate key update a = values(a)"
    )
    assert insert.of(2).count("(?, f(?, ')'))") == 2


@pytest.mark.parametrize(
    "text",
    [
        "update t set a = §",
        "insert into t select §",
        "insert into t values (§), (§)",
        "insert into t values (1) on duplicate key update a = §",
        "insert into t (select §) values (§)",
        "insert into t values (§",
        "select 'insert into t values (', §",
        "",
    ],
)
def test_what_is_no_insert_of_one_row_stays_as_it_is(text: str) -> None:
    assert as_insert(a_statement(text)) is None


def test_a_question_mark_in_quotes_is_no_value() -> None:
    insert = as_insert(a_statement("insert into t values ('?', `?`, §) -- ?"))
    assert insert is None, "what stands behind the row is a comment, and none of ours to repeat"
    insert = as_insert(a_statement("insert into `?` values ('?', §)"))
    assert insert is not None and insert.row == "('?', ?)"


def test_rows_go_in_runs_of_few_lengths() -> None:
    rows = [["x"]] * 150
    assert [len(run) for run in in_chunks(rows, (64, 8, 1), 1_000)] == [64, 64, 8, 8, *[1] * 6]


def test_large_rows_go_alone() -> None:
    rows = [["x" * 600]] * 10
    assert [len(run) for run in in_chunks(rows, (8, 1), 1_000)] == [1] * 10
    assert sum(len(run) for run in in_chunks([[b"x" * 5_000]] * 3, (2, 1), 1_000)) == 3
