"""Statements over events. Most cases are those that EMQX's own engine is held to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.sql import UNDEFINED, Columns, Context, RuleError, compile_sql


def run(sql: str, **columns: Any) -> list[dict[str, Any]]:
    return compile_sql(sql).run(columns)


def selected(fields: str, **columns: Any) -> dict[str, Any]:
    (result,) = run(f'SELECT {fields} FROM "t/#"', **columns)
    return result


# -- SELECT -------------------------------------------------------------------------------------


def test_a_query_tells_what_it_is_from() -> None:
    query = compile_sql('SELECT * FROM "t/#", "$events/client_connected"')

    assert query.topics == ("t/#", "$events/client_connected")
    assert not query.is_foreach
    assert compile_sql("FOREACH a FROM t").is_foreach


def test_a_star_copies_all_columns_and_the_metadata() -> None:
    context = Context(metadata={"rule_id": "rule:1"})
    (result,) = compile_sql("SELECT * FROM t").run({"a": 1, "b": "x"}, context=context)

    assert result == {"a": 1, "b": "x", "metadata": {"rule_id": "rule:1"}}


def test_the_metadata_can_be_asked_for_and_is_left_out_otherwise() -> None:
    context = Context(metadata={"rule_id": "rule:1"})

    (result,) = compile_sql("SELECT metadata.rule_id as id FROM t").run({}, context=context)
    assert result == {"id": "rule:1"}
    (result,) = compile_sql("SELECT a FROM t").run({"a": 1}, context=context)
    assert result == {"a": 1}


def test_fields_see_those_before_them_and_where_sees_all() -> None:
    sql = "select payload.cmd as cmd, cmd.info as meta.info from t where meta.info = 'tt'"

    assert run(sql, payload='{"cmd": {"info":"tt"}}') == [
        {"cmd": {"info": "tt"}, "meta": {"info": "tt"}}
    ]
    assert run(sql, payload='{"cmd": {"info":"uu"}}') == []


def test_a_path_without_a_name_keeps_its_shape() -> None:
    payload = '{"x": [1,{"y": 3},4]}'

    assert selected("payload.x[2]", payload=payload) == {"payload": {"x": [{"y": 3}]}}
    assert selected("payload.x[2].y", payload=payload) == {"payload": {"x": [{"y": 3}]}}
    assert selected("a[2..4]", a=[1, 2, 3, 4, 5]) == {"a": [2, 3, 4]}
    assert selected("payload.x[1..1]", payload=payload) == {"payload": {"x": [1]}}


def test_a_path_into_a_payload_that_is_selected_too_makes_it_a_map() -> None:
    payload = '{"x": [1,{"y": [1,2]},3]}'

    assert selected("payload, payload.x[2].y", payload=payload) == {
        "payload": {"x": [1, {"y": [1, 2]}, 3]}
    }
    assert selected("payload", payload=payload) == {"payload": payload}


def test_values_are_put_into_what_was_selected() -> None:
    payload = '{"x": [1,{"y": [1,2]},3]}'

    assert selected("0 as payload.x[2].y", payload=payload) == {"payload": {"x": [{"y": 0}]}}
    assert selected("payload.x, 0 as payload.x[2].y", payload=payload) == {
        "payload": {"x": [1, {"y": 0}, 3]}
    }
    assert selected("*, 0 as payload.x[-1]", payload=payload, q=1) == {
        "payload": {"x": [1, {"y": [1, 2]}, 0]},
        "q": 1,
    }


def test_a_star_copies_what_has_been_computed_so_far_only() -> None:
    assert selected("1 as c[-0], *, 2 as c[-0]", a=1) == {"a": 1, "c": [1, 2]}


def test_lists_grow_at_both_ends() -> None:
    fields = "payload.x as b, 1 as c[-0], 2 as c[-0], b as c[0]"

    assert selected(fields, payload='{"x": 0}') == {"b": 0, "c": [0, 1, 2]}
    assert selected("[] as c, 1 as c[-0], 0 as c[0]") == {"c": [0, 1]}
    assert selected("[1..4] as c, 5 as c[-0], 0 as c[0]") == {"c": [0, 1, 2, 3, 4, 5]}
    assert selected("[payload.a, \"topic\", 'c'] as c", payload='{"a":11}', topic="t") == {
        "c": [11, "t", "c"]
    }


def test_fields_without_a_name_get_one() -> None:
    result = selected(
        "1 + 1, 'text', [1], upper('a'), 5, case when true then 1 end, -a, [1..2]", a=1
    )

    assert result.pop("text") == "text"
    assert all(name.startswith("_v_") for name in result)
    assert list(result.values()) == [2, [1], "A", 5, 1, -1, [1, 2]]


def test_what_is_not_there_is_undefined() -> None:
    assert selected("a, b.c as d", b={}) == {"a": UNDEFINED, "d": UNDEFINED}
    assert selected("json_decode(payload) as p, p[1] as a", payload='{"x": 1}')["a"] is UNDEFINED


# -- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("payload.a[1].b", 1),
        ("payload.a[-1].b", 2),
        ("payload.a[3]", UNDEFINED),
        ("payload.a[0]", UNDEFINED),
        ("payload.a.b", UNDEFINED),
        ("payload.a[1][1]", UNDEFINED),
        ("payload.t.x", 5),
        ("payload.n", None),
        ("payload.n.x", UNDEFINED),
        ("payload.a[payload.i].b", 2),
        ("payload.a[i].b", 2),
        ("payload.a[j].b", 1),
        ("payload.a[n]", UNDEFINED),
        ("payload.'1.5'", "key"),
        ("payload.1", "one"),
        ("text.x", 7),
        ("broken.x", UNDEFINED),
        ("topic.x", UNDEFINED),
        ("number.x", UNDEFINED),
        ("payload.a[1..1]", [{"b": 1}]),
        ("payload.a[-1..-1]", [{"b": 2}]),
        ("payload.a[2..9]", [{"b": 2}]),
    ],
)
def test_a_path_leads_to(path: str, expected: Any) -> None:
    payload = '{"a": [{"b": 1}, {"b": 2}], "t": "{\\"x\\":5}", "n": null, "i": 2, "1.5": "key", "1": "one"}'
    found = selected(
        f"{path} as r", payload=payload, j=1, text='{"x":7}', broken="{", topic="a/b", number=5
    )["r"]

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("payload.x[1..2]", "range_get: non_list_data"),
        ("payload.a[0..2]", "invalid_index: 0"),
        ("payload.a[-9..2]", "function_clause"),
        ("[1..100000000]", "system_limit"),
        ("[3..1]", "badarg"),
    ],
)
def test_a_range_that_is_none_fails(path: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        selected(f"{path} as r", payload='{"a": [1, 2], "x": 1}')


@pytest.mark.parametrize("payload", ["not json", b"\xff\xfe", "", '{"a": 1', "[" * 3000])
def test_a_payload_that_is_no_json_fails_only_when_it_is_looked_into(payload: Any) -> None:
    assert selected("payload", payload=payload) == {"payload": payload}
    with pytest.raises(RuleError, match="decode_json_failed"):
        selected("payload.x", payload=payload)
    with pytest.raises(RuleError, match="decode_json_failed"):
        run("SELECT 1 FROM t WHERE payload.x[1] = 1", payload=payload)


def test_the_payload_of_an_event_is_decoded_once_for_all_statements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from app.rules.terms import scope

    decoded: list[Any] = []
    monkeypatch.setattr(scope, "decode_json", lambda text: decoded.append(text) or {"x": 1})
    columns = Columns({"payload": "{}"})
    for sql in ("SELECT payload.x FROM t WHERE payload.x = 1", "SELECT payload.y as y FROM t"):
        compile_sql(sql).run(columns)

    assert decoded == ["{}"]


def test_a_payload_that_a_statement_replaced_is_looked_into_itself() -> None:
    fields = "payload.x as a, '{\"x\":2}' as payload, payload.x as b"

    assert selected(fields, payload='{"x":1}') == {"a": 1, "payload": '{"x":2}', "b": 2}


def test_a_run_changes_neither_columns_nor_what_other_runs_see() -> None:
    columns = Columns({"payload": '{"x": [1]}', "m": {"a": 1}})
    compile_sql("SELECT 9 as payload.x[1], 9 as m.a, *, 1 as payload.y FROM t").run(columns)

    (result,) = compile_sql("SELECT payload.x as x, m, payload FROM t").run(columns)
    assert result == {"x": [1], "m": {"a": 1}, "payload": '{"x": [1]}'}


# -- WHERE --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("a = 1", True),
        ("a = '1'", True),
        ("a = 1.0", True),
        ("'1.0' = a", True),
        ("a != 2", True),
        ("a <> 1", False),
        ("t = true", True),
        ("t = 'true'", True),
        ("t = 1", False),
        ("n = 'null'", True),
        ("a < 2", True),
        ("a <= 1", True),
        ("a >= 2", False),
        ("'b' > 'a'", True),
        ("'10' > 9", True),
        ("missing = other", True),
        ("missing != other", False),
        ("missing < other", False),
        ("missing <= other", True),
        ("missing >= other", True),
        ("missing = a", False),
        ("missing != a", True),
        ("missing < a", False),
        ("missing > a", False),
        ("missing <= a", False),
        ("missing = 'undefined'", False),
        ("missing != 'undefined'", True),
        ("1 < t", True),
        ("t < m", True),
        ("m < l", True),
        ("l < 'a'", True),
        ("topic =~ 'x/+'", True),
        ("topic =~ 'x/#'", True),
        ("topic =~ 'y/#'", False),
        ("missing =~ 'x'", False),
        ("missing =~ other", True),
        ("a in (1, 2)", True),
        ("a in (1.0, '1')", False),
        ("a not in (2, 3)", True),
        ("a not in (1)", False),
        ("l in ([1, 'x'], [2])", True),
        ("not a = 2", True),
        ("not (a = 1 and t = true)", False),
        ("not (a = 2 or t = false)", True),
        ("not is_null(a)", True),
        ("not a", False),
        ("not missing", False),
        ("a = 1 and topic = 'x/y'", True),
        ("a = 2 or a = 1", True),
        ("t", True),
        ("a", False),
        ("missing", False),
        ("'true'", False),
        ("case when a = 1 then true else false end", True),
        ("a + 1 = 2", True),
        ("eq(a, 1.0)", True),
    ],
)
def test_a_condition_holds_or_not(condition: str, holds: bool) -> None:
    columns = {"a": 1, "t": True, "n": None, "m": {"k": 1}, "l": [1, "x"], "topic": "x/y"}
    found = run(f"SELECT 1 as one FROM t WHERE {condition}", **columns)

    assert found == ([{"one": 1}] if holds else [])


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("'abc' = 1", "badarg"),
        ("topic =~ 1", "badarg"),
        ("l =~ 'a'", "badarg"),
        ("upper(1) = 'A'", "function_clause"),
        ("payload.x = 1", "decode_json_failed"),
    ],
)
def test_a_condition_that_cannot_be_told_fails(condition: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        run(f"SELECT 1 FROM t WHERE {condition}", topic="x", l=[1], payload="x")


def test_a_row_of_alternatives_may_be_long() -> None:
    alternatives = " or ".join(f"a = {number}" for number in range(1_000))
    exclusions = " and ".join(f"a != {number}" for number in range(1_000))

    for a, is_one in ((0, True), (999, True), (1_000, False)):
        assert run(f"SELECT a FROM t WHERE {alternatives}", a=a) == ([{"a": a}] if is_one else [])
        assert run(f"SELECT a FROM t WHERE {exclusions}", a=a) == ([] if is_one else [{"a": a}])


def test_the_right_side_is_not_evaluated_where_the_left_decides() -> None:
    assert run("SELECT a FROM t WHERE a = 1 or payload.x = 1", a=1, payload="no json")
    assert not run("SELECT a FROM t WHERE a = 2 and payload.x = 1", a=1, payload="no json")


def test_a_field_that_fails_fails_though_the_condition_would_not_hold() -> None:
    with pytest.raises(RuleError):
        run("SELECT payload.x FROM t WHERE a = 2", a=1, payload="no json")


def test_names_of_fields_hide_columns_from_the_condition() -> None:
    assert run("SELECT 2 as qos FROM t WHERE qos = 2", qos=1) == [{"qos": 2}]
    assert run("SELECT 2 as qos FROM t WHERE qos() = 2", qos=1) == [{"qos": 2}]
    assert run("SELECT 'a' FROM t WHERE a = 'a'", a=1) == [{"a": "a"}]


# -- CASE ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "y"), [(1, 1), (-1, 0), (8, 7), (7, 7)])
def test_the_first_branch_whose_condition_holds_is_taken(x: int, y: int) -> None:
    sql = "case when payload.x < 0 then 0 when payload.x > 7 then 7 else payload.x end as y"

    assert selected(sql, payload=f'{{"x": {x}}}') == {"y": y}


@pytest.mark.parametrize(
    ("x", "y"), [(1, "one"), ("b", "bee"), (2, "none"), (1.0, "none"), (True, "none")]
)
def test_or_the_one_whose_value_is_the_subject_s(x: Any, y: str) -> None:
    sql = "case x when 1 then 'one' when 'b' then 'bee' else 'none' end as y"

    assert selected(sql, x=x) == {"y": y}


def test_without_a_branch_there_is_nothing() -> None:
    assert selected("case x when 1 then 2 end as y", x=5) == {"y": UNDEFINED}
    assert selected("case when x = 1 then 2 end as y", x=5) == {"y": UNDEFINED}


# -- FOREACH ------------------------------------------------------------------------------------


def test_each_element_makes_a_result_of_all_columns() -> None:
    columns = {"payload": '{"sensors": [1, 2]}', "clientid": "c"}

    assert run("foreach payload.sensors as s from t", **columns) == [
        {**columns, "s": 1},
        {**columns, "s": 2},
    ]
    assert run("foreach payload.sensors from t", **columns) == [
        {**columns, "item": 1},
        {**columns, "item": 2},
    ]


def test_do_makes_the_results_and_incase_chooses_the_elements() -> None:
    payload = '{"sensors": [{"cmd":"1", "name":"n1"}, {"cmd":"2"}, {"name":"n3"}]}'
    sql = "foreach payload.sensors as s do s.cmd as cmd, s.name as name incase is_not_null(s.cmd) from t"

    assert run(sql, payload=payload) == [
        {"cmd": "1", "name": "n1"},
        {"cmd": "2", "name": UNDEFINED},
    ]


def test_fields_before_the_last_are_seen_by_all_clauses() -> None:
    sql = (
        "foreach json_decode(payload) as p, p.sensors as s, s.collection as c, c.info as info "
        "do info.cmd as msg_type, s.page as page incase is_map(info) from t where s.page = '{}'"
    )
    payload = '{"sensors": {"page": 2, "collection": {"info":["haha", {"cmd":"1"}]}}}'

    assert run(sql.format(2), payload=payload) == [{"msg_type": "1", "page": 2}]
    assert run(sql.format(3), payload=payload) == []


@pytest.mark.parametrize("sensors", ["1", "[]", '"text"', "{}", "null"])
def test_what_is_no_list_has_no_elements(sensors: str) -> None:
    assert run("foreach payload.sensors from t", payload=f'{{"sensors": {sensors}}}') == []


def test_the_condition_sees_the_whole_list_under_its_name() -> None:
    sql = "foreach payload.s as s do s as one from t where length(s) = 2"

    assert run(sql, payload='{"s": [1, 2]}') == [{"one": 1}, {"one": 2}]
    assert run(sql, payload='{"s": [1]}') == []


def test_elements_do_not_see_each_other() -> None:
    sql = "foreach l do case when item = 1 then 'x' else seen end as seen from t"

    assert run(sql, l=[1, 2]) == [{"seen": "x"}, {"seen": UNDEFINED}]


def test_a_star_in_do_copies_the_element_too() -> None:
    assert run("foreach l as e do *, 1 as one from t", l=[7]) == [{"l": [7], "e": 7, "one": 1}]


def test_an_element_that_fails_fails_the_whole() -> None:
    with pytest.raises(RuleError, match="unsupported_type_implicit_conversion"):
        run("foreach l do item + 1 as x from t", l=[1, "a"])


# -- bounds -------------------------------------------------------------------------------------


def test_a_list_that_doubles_with_each_field_ends() -> None:
    fields = ["[1, 1] as a0"] + [f"[a{n}, a{n}] as a{n + 1}" for n in range(60)]

    with pytest.raises(RuleError, match="system_limit"):
        selected(", ".join(fields))


def test_so_does_a_map_that_does() -> None:
    fields = ["1 as a0.x"]
    for n in range(60):
        fields += [f"a{n} as a{n + 1}.x", f"a{n} as a{n + 1}.y"]

    with pytest.raises(RuleError, match="system_limit"):
        selected(", ".join(fields))


def test_and_a_text_that_does() -> None:
    fields = ["'ab' as a0"] + [f"a{n} + a{n} as a{n + 1}" for n in range(60)]

    with pytest.raises(RuleError, match="system_limit"):
        selected(", ".join(fields))


@pytest.mark.parametrize(
    "sql",
    [
        "FOREACH l DO item FROM t",
        "SELECT upper('a') FROM t",
        "SELECT concat('a', 'b') FROM t",
        "SELECT [l, l] as a FROM t",
        "SELECT l as a.b FROM t",
        "SELECT 1 FROM t WHERE l = m",
        "SELECT 1 FROM t WHERE 1 in (l, m)",
    ],
)
def test_a_statement_ends_when_its_time_is_up(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.rules.terms.scope.MAX_RUN_S", -1)

    with pytest.raises(RuleError, match="timeout"):
        run(sql, l=[1], m=2)


def test_elements_that_look_through_all_elements_do_not_stall_the_node() -> None:
    sql = "FOREACH payload.l INCASE contains('x', payload.l) FROM t"

    with pytest.raises(RuleError, match="timeout"):
        run(sql, payload='{"l": [' + ",".join("0" * 150_000) + "]}")


def test_values_too_deep_to_compare_fail() -> None:
    deep = "[" * 900 + "]" * 900
    sql = "SELECT 1 as one FROM t WHERE json_decode(payload) = json_decode(payload)"

    with pytest.raises(RuleError, match="RecursionError"):
        run(sql, payload=deep)
    assert run(sql, payload="[" * 50 + "]" * 50) == [{"one": 1}]


COLUMNS = st.dictionaries(
    st.sampled_from(["a", "b", "payload", "topic", "qos", "flags"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
        | st.sampled_from(['{"a": {"b": [1, 2]}}', "[1, {}]", "t/a", b"\xff"]),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner)
        ),
        max_leaves=6,
    ),
)  # fmt: skip
WAYS = "a b payload.a payload.a.b[1] b[-1] a[b] a[1..2] topic qos() flags.retain missing"
CONSTANTS = "1 -2 2.5 'x' '1' true [] [1..3] 't/#'"
LEAVES = st.sampled_from([*WAYS.split(), *CONSTANTS.split()])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(
            ["+", "-", "*", "/", "div", "mod", "=", "!=", "<>", "<", ">", "<=", ">=", "=~", "and", "or"]), inner)
        | st.builds("(not {})".format, inner)
        | st.builds("({} in ({}, {}))".format, inner, inner, inner)
        | st.builds("[{}, {}]".format, inner, inner)
        | st.builds("case when {} then {} else {} end".format, inner, inner, inner)
        | st.builds("{}({})".format, st.sampled_from(
            ["str", "int", "float", "upper", "json_encode", "json_decode", "length", "is_null", "round"]), inner)
    ),
    max_leaves=8,
)  # fmt: skip


@given(EXPRESSIONS, EXPRESSIONS, COLUMNS)
def test_whatever_is_asked_of_whatever_event_nothing_but_a_rule_error_comes_of_it(
    one: str, other: str, columns: dict[str, Any]
) -> None:
    for sql in (
        f"SELECT {one} as x.y[1], {other} as a, * FROM t WHERE {other}",
        f"FOREACH {one} as x DO {other} as z INCASE {other} FROM t",
    ):
        query = compile_sql(sql)
        try:
            found = query.run(columns)
        except RuleError:
            continue
        assert isinstance(found, list)
