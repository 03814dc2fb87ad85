"""Plain statements: what is run without a scope, and that its results are those of all other statements."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.sql import Columns, Context, Query, RuleError, compile_sql
from app.rules.sql.parse import parse
from app.rules.sql.plain import plain_form
from app.rules.terms.values import bytes_of, text_of_bytes

CONTEXTS = (Context(), Context(metadata={"rule_id": "r"}))
WAYS = ("payload.a", "payload.a.b", "payload.a.b.c", "payload", "qos", "topic", "flags.x", "absent")
CONSTANTS = ("20", "2.0", "-1", "'20'", "'x'", "true", "false", "''", "'t/#'")
OPERATORS = ("=", "!=", "<>", "<", ">", "<=", ">=", "=~")
COMPARISONS = st.tuples(
    st.sampled_from((*WAYS, "1", "'x'", "x", "y.a", "z")),
    st.sampled_from(OPERATORS),
    st.sampled_from(CONSTANTS),
).map(" ".join)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda all_: f"({' and '.join(all_)})"),
        st.lists(inner, min_size=2, max_size=4).map(lambda all_: f"({' or '.join(all_)})"),
        inner.map(lambda one: f"not ({one})"),
    ),
    max_leaves=6,
)
FIELDS = st.one_of(
    st.just("*"),
    st.lists(
        st.one_of(
            st.sampled_from(("qos", "topic", "payload")),
            st.tuples(st.sampled_from((*WAYS, *CONSTANTS)), st.sampled_from("xyz")).map(
                " as ".join
            ),
        ),
        min_size=1,
        max_size=4,
    ).map(", ".join),
)
SCALARS = st.sampled_from((None, True, False, 0, 20, 2, 2.0, 20.5, "20", "x", "", 10**18))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(("a", "b", "c")), inner, max_size=3),
    ),
    max_leaves=8,
)
PAYLOADS = st.one_of(
    VALUES.map(lambda value: orjson.dumps(value).decode()),
    st.dictionaries(st.just("a"), VALUES).map(lambda value: orjson.dumps(value).decode()),
    st.sampled_from(("no JSON", "", "x", b"\xff")),
    VALUES,
)


def outcome(query: Query, columns: dict[str, Any], context: Context) -> Any:
    """Return results with the types of what is in them, or the words of a failure."""
    try:
        return [
            [(name, type(value), value) for name, value in result.items()]
            for result in query.run(Columns(columns), context=context)
        ]
    except RuleError as error:
        return str(error)


@settings(max_examples=400, deadline=None)
@given(FIELDS, st.one_of(st.none(), CONDITIONS), PAYLOADS, SCALARS, st.sampled_from(CONTEXTS))
def test_results_and_failures_are_those_of_a_run_with_a_scope(
    fields: str, where: str | None, payload: object, qos: object, context: Context
) -> None:
    sql = f"SELECT {fields} FROM t" + (f" WHERE {where}" if where else "")
    columns = {"payload": payload, "qos": qos, "topic": "t/x", "flags": {"x": 1}}
    query, scoped = compile_sql(sql), compile_sql(sql)
    scoped._plain = None
    assert outcome(query, columns, context) == outcome(scoped, columns, context)


@settings(max_examples=300, deadline=None)
@given(FIELDS, st.one_of(st.none(), CONDITIONS), st.lists(PAYLOADS, max_size=4))
def test_results_of_many_payloads_at_once_are_those_of_each_one(
    fields: str, where: str | None, payloads: list[Any]
) -> None:
    query = compile_sql(f"SELECT {fields} FROM t" + (f" WHERE {where}" if where else ""))
    texts = [bytes_of(one) for one in payloads if isinstance(one, str | bytes)]
    found = None if query.sift is None else query.sift(texts)
    if found is not None:
        each = [query.run(Columns({"payload": text_of_bytes(text)})) for text in texts]
        assert shown([[] if one is None else [one] for one in found]) == shown(each)


def shown(results: list[list[dict[str, Any]]]) -> list[Any]:
    return [
        [[(name, type(value), value) for name, value in one.items()] for one in each]
        for each in results
    ]


@pytest.mark.parametrize(
    ("payloads", "results"),
    [
        ([b'{"a":1}', b'{"a":3,"b":{"c":2}}', b'{"a":9}'], [None, {"x": 2}, None]),
        ([b'{"a":3}', b"no JSON"], None),
        ([b'{"a":3}', b"[3]"], None),
        ([], []),
    ],
)
def test_payloads_of_which_one_is_odd_are_left_to_who_looks_at_each(
    payloads: list[bytes], results: object
) -> None:
    sift = compile_sql("SELECT payload.b.c AS x FROM t WHERE payload.a > 1 AND payload.a < 9").sift
    assert sift is not None
    assert sift(payloads) == results


@pytest.mark.parametrize(
    ("sql", "is_one"),
    [
        ("SELECT payload.a AS a, 1 AS b FROM t WHERE payload.b = 'x'", True),
        ("SELECT payload.a AS a FROM t", True),
        ("SELECT payload AS a FROM t WHERE payload.a = 1", False),
        ("SELECT payload.a AS a FROM t WHERE qos = 1", False),
        ("SELECT * FROM t WHERE payload.a = 1", False),
        ("SELECT 1 AS a FROM t", False),
        ("SELECT upper(payload.a) AS a FROM t", False),
    ],
)
def test_many_payloads_are_sifted_for_those_who_ask_for_nothing_but_their_json(
    sql: str, is_one: bool
) -> None:
    assert (compile_sql(sql).sift is not None) is is_one


@pytest.mark.parametrize(
    ("sql", "is_plain"),
    [
        ("SELECT * FROM t", True),
        ("SELECT payload.temp AS t FROM t WHERE payload.temp > 20 AND topic = 'x'", True),
        ("SELECT topic, qos FROM t WHERE NOT (qos = 1 OR qos = 2)", True),
        ("SELECT payload.temp AS t FROM t WHERE t > 20", True),
        ("SELECT payload.temp AS t FROM t WHERE t.x > 20", False),
        ("SELECT payload.temp FROM t", False),
        ("SELECT *, qos AS q FROM t", False),
        ("SELECT topic AS x, x AS y FROM t", False),
        ("SELECT metadata AS m FROM t", False),
        ("SELECT payload.a[1] AS a FROM t", False),
        ("SELECT qos + 1 AS q FROM t", False),
        ("SELECT topic FROM t WHERE topic = clientid", False),
        ("SELECT topic FROM t WHERE upper(topic) = 'T'", False),
    ],
)
def test_a_plain_statement_needs_no_names_of_its_own(sql: str, is_plain: bool) -> None:
    assert (compile_sql(sql)._plain is not None) is is_plain


def test_nothing_of_a_statements_text_is_run() -> None:
    name = "x]: __import__('os').abort(), columns['x"
    (result,) = compile_sql(f'SELECT "{name}" AS "{name}" FROM t').run({name: 1})
    assert result == {name: 1}
    (result,) = compile_sql("SELECT payload.'a\"]' AS x FROM t WHERE topic = 'it''s'").run(
        {"payload": '{"a\\"]": 2}', "topic": "it's"}
    )
    assert result == {"x": 2}


def test_what_is_too_deep_or_too_long_for_one_function_is_left_to_the_others() -> None:
    deep = "not (" * 30 + "qos = 1" + ")" * 30
    long = " or ".join("qos = 1" for _ in range(300))
    for where in (deep, long):
        sql = f"SELECT qos FROM t WHERE {where}"
        assert plain_form(parse(sql)) is None
        assert compile_sql(sql).run({"qos": 1}) == [{"qos": 1}]
