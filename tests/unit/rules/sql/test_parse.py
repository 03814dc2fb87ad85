"""From text to a statement, and what is said where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.sql import SqlSyntaxError
from app.rules.sql.nodes import (
    Arithmetic,
    Call,
    Case,
    Compared,
    Const,
    Field,
    IsIn,
    ListOf,
    Logic,
    Negated,
    Node,
    Range,
    Signed,
    Star,
)
from app.rules.sql.parse import MAX_DEPTH, MAX_LENGTH, parse
from app.rules.terms.paths import End, Index, Path

A, B, C = Path("a"), Path("b"), Path("c")


def expression(text: str) -> Node:
    (field,) = parse(f"SELECT {text} FROM t").fields
    assert isinstance(field, Field)
    assert field.alias is None
    return field.expression


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a", A),
        ('"a b"', Path("a b")),
        ("'a'", Const("a")),
        ("'it''s'", Const("it's")),
        ("12", Const(12)),
        ("1.5", Const(1.5)),
        ("1.5e2", Const(150.0)),
        ("true", Const(True)),
        ("false", Const(False)),
        ("a.b", Path("a", ("b",))),
        ("a.1", Path("a", ("1",))),
        ("a.'1.5'.b", Path("a", ("1.5", "b"))),
        ('a."x y"', Path("a", ("x y",))),
        ("payload.from.select", Path("payload", ("from", "select"))),
        ("a[1]", Path("a", (Index(1),))),
        ("a[-2].b[+3]", Path("a", (Index(-2), "b", Index(3)))),
        ("a[0]", Path("a", (Index(End.HEAD),))),
        ("a[-0]", Path("a", (Index(End.TAIL),))),
        ("a[b.c]", Path("a", (Index(Path("b", ("c",))),))),
        ("[1..3]", Range(1, 3)),
        ("a[ -3 .. -1 ]", Range(-3, -1, A)),
        ("a.b[1..2]", Range(1, 2, Path("a", ("b",)))),
        ("[]", ListOf(())),
        ("[a, 'b', 1]", ListOf((A, Const("b"), Const(1)))),
        ("f()", Call("f", ())),
        ("f(a, 1)", Call("f", (A, Const(1)))),
        ("mod(a, b)", Call("mod", (A, B))),
        ("DIV(a, b)", Call("div", (A, B))),
        ("a mod b", Arithmetic("mod", A, B)),
        ("a DIV b", Arithmetic("div", A, B)),
        ("a + b * c", Arithmetic("+", A, Arithmetic("*", B, C))),
        ("(a + b) * c", Arithmetic("*", Arithmetic("+", A, B), C)),
        ("a - b - c", Arithmetic("-", Arithmetic("-", A, B), C)),
        ("-a * b", Arithmetic("*", Signed("-", A), B)),
        ("a -1", Arithmetic("-", A, Const(1))),
        ("a = b", Compared("=", A, B)),
        ("a =~ 't/#'", Compared("=~", A, Const("t/#"))),
        ("a <> b", Compared("<>", A, B)),
        ("a >= b + c", Compared(">=", A, Arithmetic("+", B, C))),
        ("a or b and c", Logic("or", (A, Logic("and", (B, C))))),
        ("(a or b) AND c", Logic("and", (Logic("or", (A, B)), C))),
        ("a or b or c", Logic("or", (A, B, C))),
        ("not a = b", Negated(Compared("=", A, B))),
        ("not a and b", Logic("and", (Negated(A), B))),
        ("a in (1, 'b')", IsIn(A, (Const(1), Const("b")))),
        ("a not in (1)", Negated(IsIn(A, (Const(1),)))),
        ("case when a then 1 end", Case(None, ((A, Const(1)),), None)),
        ("case when a then 1 else 2 end", Case(None, ((A, Const(1)),), Const(2))),
        (
            "case a when 1 then b when 2 then c end",
            Case(A, ((Const(1), B), (Const(2), C)), None),
        ),
    ],
)
def test_an_expression_reads_as(text: str, node: Node) -> None:
    assert expression(text) == node


def test_a_select_has_fields_topics_and_a_condition() -> None:
    statement = parse("SELECT *, a as x.y, b z, c[1] AS d[-0] FROM \"t/#\", b, 'c/+' WHERE a = 1")

    assert not statement.is_foreach
    assert statement.fields == (
        Star(),
        Field(A, Path("x", ("y",))),
        Field(B, Path("z")),
        Field(Path("c", (Index(1),)), Path("d", (Index(End.TAIL),))),
    )
    assert statement.topics == ("t/#", "b", "c/+")
    assert statement.where == Compared("=", A, Const(1))


def test_a_foreach_has_do_and_incase_too() -> None:
    statement = parse("foreach a as x, x.b do c, * incase a > 1 from t where b")

    assert statement.is_foreach
    assert statement.fields == (Field(A, Path("x")), Field(Path("x", ("b",))))
    assert statement.do == (Field(C), Star())
    assert statement.incase == Compared(">", A, Const(1))
    assert statement.where == B


@pytest.mark.parametrize("text", ["foreach a from t", "foreach a incase b from t"])
def test_they_may_be_left_out(text: str) -> None:
    statement = parse(text)

    assert statement.do == ()
    assert statement.where is None


def test_comments_and_line_ends_do_not_count() -> None:
    assert parse("SELECT -- what\n a\r\n\tFROM t -- the end") == parse("select a from t")


def test_names_that_begin_like_keywords_are_names() -> None:
    names = "selected fromage dot as_of incases divide android inner"

    for name in names.split():
        assert expression(name) == Path(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: expected FOREACH or SELECT, found the end"),
        ("UPDATE t", "line 1, column 1: expected FOREACH or SELECT, found 'UPDATE'"),
        ("SELECT FROM t", "line 1, column 8: expected a value or '*', found 'FROM'"),
        ("SELECT a,\n FROM t", "line 2, column 2: expected a value or '*', found 'FROM'"),
        ("SELECT a\nFROM", "line 2, column 5: expected a name, a name in double quotes or "),
        ("SELECT a FROM t WHERE", "line 1, column 22: expected a value, found the end"),
        ("SELECT a.[1] FROM t", "line 1, column 10: expected a key, found '['"),
        ("SELECT a.1.100 FROM t", "line 1, column 10: expected a key, found '1.100'"),
        ("SELECT (1 FROM t", "line 1, column 11: expected OR or ')', found 'FROM'"),
        ("SELECT 'a FROM t", "expected a closing ' later on, found"),
        ("SELECT a ; b FROM t", "expected a word of the language, found ';'"),
        ("SELECT a FROM t WHERE a = 1 = 2", "line 1, column 29: expected "),
        ("FOREACH * FROM t", "line 1, column 9: expected a value, found '*'"),
        (
            "SELECT a FROM t/1",
            "column 16: expected the end of the statement, ',' or WHERE, found '/'",
        ),
    ],
)
def test_what_is_no_statement_is_told_where_and_why(text: str, message: str) -> None:
    with pytest.raises(SqlSyntaxError) as refused:
        parse(text)

    assert message in str(refused.value)


def test_a_refusal_has_its_place_and_what_was_expected_apart() -> None:
    with pytest.raises(SqlSyntaxError) as refused:
        parse("SELECT a\n  FROM t WHERE )")

    assert (refused.value.line, refused.value.column) == (2, 16)
    assert refused.value.expected == ("a value",)
    assert refused.value.found == "')'"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a" + " " * MAX_LENGTH + " FROM t",
        "SELECT " + "-" * (MAX_DEPTH + 1) + " a FROM t",
        "SELECT " + "- " * (MAX_DEPTH + 1) + " a FROM t",
        "SELECT a" + ".b" * (MAX_DEPTH + 1) + " FROM t",
        "SELECT a" + "[a" * 2_000 + "]" * 2_000 + " FROM t",
        "SELECT " + "(" * 5_000 + "a" + ")" * 5_000 + ", not " + "not " * 5_000 + " a FROM t",
        "SELECT " + "9" * 5_000 + " FROM t",
        "SELECT 1.0e999 FROM t",
        "SELECT [1.." + "9" * 5_000 + "] FROM t",
        "SELECT a[" + "9" * 5_000 + "] FROM t",
    ],
)
def test_what_is_too_long_too_deep_or_too_large_is_refused(text: str) -> None:
    with pytest.raises(SqlSyntaxError):
        parse(text)


KEYWORDS = "select foreach do incase from where as case when then else end and or not in div mod"
SIGNS = "( ) [ ] , . + - * / = =~ <> -- a b.c 'x' \"t/#\" 1 2.5 [1..2] true"
WORDS = st.sampled_from([*KEYWORDS.split(), *SIGNS.split(), "\n"])


@given(st.lists(WORDS, max_size=25))
def test_any_words_are_a_statement_or_are_refused(words: list[str]) -> None:
    refusal = None
    try:
        parse(" ".join(["select a", *words]))
    except SqlSyntaxError as refused:
        refusal = refused
    assert refusal is None or (refusal.line >= 1 and refusal.column >= 1 and refusal.expected)


@given(st.text(max_size=60))
def test_any_text_is_a_statement_or_is_refused(text: str) -> None:
    for whole in (text, f"select {text} from t", f"select a from t where {text}"):
        try:
            parse(whole)
        except SqlSyntaxError:
            continue
