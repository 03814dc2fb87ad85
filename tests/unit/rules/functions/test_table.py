"""Calls: how many arguments, of which types, and what fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.functions.table import FUNCTIONS, call_of
from app.rules.sql import Columns, Context, RuleError
from app.rules.sql.query import guarded
from app.rules.terms.scope import Scope
from app.rules.terms.values import UNDEFINED

REFERENCE = """
msgid qos flags flag topic clientid username clientip peerhost payload contains_topic
contains_topic_match null abs acos acosh asin asinh atan atanh ceil cos cosh exp floor fmod log
log10 log2 power round sin sinh sqrt tan tanh eq mod div bitnot bitand bitor bitxor bitsl bitsr
bitsize subbits str str_utf8 bool int float float2str map bin2hexstr hexstr2bin is_null is_not_null
is_str is_bool is_int is_float is_num is_map is_array lower upper trim ltrim rtrim reverse strlen
substr split tokens concat sprintf sprintf_s pad replace regex_match regex_replace ascii find
map_new map_get map_put mget mput nth length sublist first last contains md5 sha sha256 gzip gunzip
zip unzip zip_compress zip_uncompress base64_encode base64_decode json_encode json_decode
term_encode term_decode now_rfc3339 unix_ts_to_rfc3339 rfc3339_to_unix_ts now_timestamp format_date
date_to_unix_ts timezone_to_second mongo_date random uuid_v4 uuid_v4_no_hyphen kv_store_put
kv_store_get kv_store_del proc_dict_put proc_dict_get proc_dict_del
"""
"""The functions of EMQX 4.4's open edition."""

VALUES = st.recursive(
    st.none()
    | st.just(UNDEFINED)
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["second", "local", "%Y-%m-%d", "+08:00", "integer", "t/#", "~p", "(a+)", ""])
    | st.binary(max_size=20).filter(lambda data: not _is_text(data)),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_every_function_of_the_reference_is_there_and_no_other() -> None:
    assert sorted(FUNCTIONS) == sorted(REFERENCE.split())


def test_the_page_about_statements_names_them_all() -> None:
    page = (Path(__file__).parents[4] / "docs" / "sql.md").read_text("utf-8")
    _, _, table = page.partition("## Functions")
    table, _, _ = table.partition("## Where")
    named = [name for cell in re.findall("`([^`]+)` \\|", table) for name in cell.split()]

    assert sorted(named) == sorted(FUNCTIONS)


def test_a_function_that_nobody_knows_fails_when_it_is_called(evaluate: Any) -> None:
    with pytest.raises(RuleError, match="sql_function_not_supported: no_such/1"):
        evaluate("no_such(1)")


def test_so_does_one_with_too_many_or_too_few_arguments(evaluate: Any) -> None:
    with pytest.raises(RuleError, match="sql_function_not_supported: upper/2"):
        evaluate("upper('a', 'b')")
    with pytest.raises(RuleError, match="sql_function_not_supported: split/1"):
        evaluate("split('a')")


def test_an_argument_of_a_wrong_type_fails_and_is_named(evaluate: Any) -> None:
    with pytest.raises(RuleError, match="function_clause: upper does not take 1 as argument 1"):
        evaluate("upper(1)")
    with pytest.raises(RuleError, match="nth does not take '1' as argument 1"):
        evaluate("nth('1', [1])")
    with pytest.raises(RuleError, match="abs does not take True"):
        evaluate("abs(true)")


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(VALUES, max_size=6))
def test_whatever_a_function_is_given_nothing_but_a_rule_error_comes_of_it(
    name: str, values: list[Any]
) -> None:
    call = call_of(name, tuple(lambda _, value=value: value for value in values))
    scope = Scope(Columns({"topic": "a/b", "qos": 1}), Context())
    try:
        guarded(call, scope)
    except RuleError:
        return
