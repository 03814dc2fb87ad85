"""What is remembered between messages."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.rules.functions import stores
from app.rules.sql import Context, RuleError, compile_sql
from app.rules.terms.values import UNDEFINED


def run(expression: str, context: Context, **columns: Any) -> Any:
    (result,) = compile_sql(f'SELECT {expression} AS r FROM "t"').run(columns, context=context)
    return result["r"]


def test_the_node_remembers_what_one_statement_put_for_another() -> None:
    node: dict[Any, Any] = {}
    one, other = Context(kv_store=node), Context(kv_store=node)

    assert run("kv_store_get('a')", other) is UNDEFINED
    assert run("kv_store_get('a', 5)", other) == 5
    assert run("kv_store_put('a', [1])", one) is True
    assert run("kv_store_get('a', 5)", other) == [1]
    assert run("kv_store_del('a')", other) is True
    assert run("kv_store_get('a')", one) is UNDEFINED


def test_a_connection_s_store_answers_with_what_was_there_before() -> None:
    context = Context()

    assert run("proc_dict_put('a', 1)", context) is UNDEFINED
    assert run("proc_dict_put('a', 2)", context) == 1
    assert run("proc_dict_get('a')", context) == 2
    assert run("proc_dict_del('a')", context) == 2
    assert run("proc_dict_get('a')", context) is UNDEFINED
    assert run("proc_dict_get('a')", Context()) is UNDEFINED


def test_connections_do_not_see_each_other_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_KEYS", 1)
    context = Context()
    run("proc_dict_put('a', 1)", context, clientid="one")

    assert run("proc_dict_get('a')", context, clientid="other") is UNDEFINED
    assert run("proc_dict_get('a')", context, clientid="one") == 1
    with pytest.raises(RuleError, match="system_limit"):
        run("proc_dict_put('a', 1)", context, clientid="other")
    del context.proc_dict["one"]
    assert run("proc_dict_get('a')", context, clientid="one") is UNDEFINED


def test_keys_of_different_types_are_different_keys() -> None:
    context = Context()
    for key, value in (("1", 1), ("1.0", 2), ("'1'", 3), ("true", 4), ("[1]", 5)):
        run(f"kv_store_put({key}, {value})", context)

    keys = ("1", "1.0", "'1'", "true", "[1]")
    assert [run(f"kv_store_get({key})", context) for key in keys] == [1, 2, 3, 4, 5]


def test_a_store_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_KEYS", 1)
    context = Context()
    run("kv_store_put('a', 1)", context)
    run("kv_store_put('a', 2)", context)

    with pytest.raises(RuleError, match="system_limit"):
        run("kv_store_put('b', 1)", context)


def test_so_is_what_its_values_take_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "CONNECTION_SIZE", 10)
    context = Context()
    for _ in range(3):
        assert run("proc_dict_put('a', '123456789')", context) in {UNDEFINED, "123456789"}
    with pytest.raises(RuleError, match="system_limit"):
        run("proc_dict_put('b', 1)", context)
    run("proc_dict_del('a')", context)
    run("proc_dict_del('a')", context)

    assert run("proc_dict_put('b', [1, 2])", context) is UNDEFINED


def test_random_numbers_and_uuids_differ(evaluate: Any) -> None:
    assert 0 <= evaluate("random()") < 1
    assert uuid.UUID(evaluate("uuid_v4()")).version == 4
    assert len(evaluate("uuid_v4_no_hyphen()")) == 32
    assert evaluate("uuid_v4()") != evaluate("uuid_v4()")
