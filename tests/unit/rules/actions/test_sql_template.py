"""Where a variable may stand in a statement, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.actions.sql_template import Dialect, SqlTemplate, bound
from app.rules.errors import ActionFailed, BadArguments

OUTPUT = {"a": 1, "b": {"c": "x"}, "p": '{"t":[1,2]}'}


def parsed(text: str, dialect: Dialect = Dialect.PGSQL, **more: Any) -> tuple[str, list[Any]]:
    template = SqlTemplate.parse(text, dialect, **more)
    return template.statement.marked, template.values(OUTPUT)


@pytest.mark.parametrize("dialect", Dialect)
def test_variables_become_places_for_values(dialect: Dialect) -> None:
    text = "insert into t values (${a},'${b.c}', ${p.t} ,'[${a}/${b.c}]', ${b}, 'it''s ${a}');"
    with pytest.raises(BadArguments):
        parsed(text, dialect)
    text = text.replace("'it''s ${a}'", "'it''s'")
    assert parsed(text, dialect) == (
        "insert into t values (?,?, ? ,?, ?, 'it''s')",
        [1, "x", "[1,2]", "[1/x]", '{"c":"x"}'],
    )


def test_what_is_not_there_is_null_or_a_word() -> None:
    assert parsed("select ${x}, ${b.x}")[1] == [None, None]
    assert parsed("select ${x}, ${b.x}", nulls=False)[1] == ["undefined", "undefined"]


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (Dialect.PGSQL, 'insert into "${a}" values (1)'),
        (Dialect.PGSQL, "select $$ ${a} $$"),
        (Dialect.PGSQL, "select $x$ ${a} $x$"),
        (Dialect.PGSQL, r"select E'\'${a}'"),
        (Dialect.PGSQL, "select 1 -- ${a}"),
        (Dialect.PGSQL, "select /* ${a} */ 1"),
        (Dialect.PGSQL, "insert into t_${a} values (1)"),
        (Dialect.PGSQL, "insert into x.${a} values (1)"),
        (Dialect.MYSQL, "insert into `${a}` values (1)"),
        (Dialect.MYSQL, r"select 'a\'${a}'"),
        (Dialect.MYSQL, "select 1 # ${a}"),
        (Dialect.MYSQL, "select @${a}"),
        (Dialect.SQLITE, "insert into [${a}] values (1)"),
        (Dialect.SQLITE, 'insert into "${a}" values (1)'),
    ],
)
def test_a_variable_where_no_value_can_stand_is_refused(dialect: Dialect, text: str) -> None:
    with pytest.raises(BadArguments, match="no value can stand here"):
        SqlTemplate.parse(text, dialect)


def test_double_quotes_are_a_text_in_mysql() -> None:
    assert parsed('select "${a}", "x ${a}"', Dialect.MYSQL) == ("select ?, ?", [1, "x 1"])


def test_a_backslash_ends_no_text_in_postgresql() -> None:
    assert parsed(r"select '\', ${a}, '\'") == (r"select '\', ?, '\'", [1])


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (None, None),
        (True, True),
        (2**63, 2**63),
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (b"\xff", b"\xff"),
        ([65, 66], "[65,66]"),
        ({"a": None}, '{"a":null}'),
    ],
)
def test_values_as_databases_take_them(value: Any, taken: Any) -> None:
    assert bound(value) == taken


def test_a_value_without_a_form_is_given_up() -> None:
    with pytest.raises(ActionFailed):
        bound({"a": object()})
