"""Texts, with EMQX's own cases where it has some."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.sql import RuleError
from app.rules.terms.values import MAX_TEXT

WAYS = {
    "": ["a", "b", "c"],
    "notrim": ["", "a", "b", "", "c", ""],
    "leading": ["a/b//c/"],
    "leading_notrim": ["", "a/b//c/"],
    "trailing": ["/a/b//c"],
    "trailing_notrim": ["/a/b//c", ""],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("upper('abc4')", "ABC4"),
        ("lower('0ABC')", "0abc"),
        ("reverse('abcd')", "dcba"),
        ("strlen('你好')", 2),
        ("substr('', 1)", ""),
        ("substr('abc', 1)", "bc"),
        ("substr('abcd', 1, 2)", "bc"),
        ("substr('abc', -1, 0)", ""),
        ("substr('abc', 5)", ""),
        ("trim(' abc ')", "abc"),
        ("ltrim(' abc ')", "abc "),
        ("rtrim(' abc ')", " abc"),
        ("split('', '/')", []),
        ("split('a, b ,c', ',')", ["a", " b ", "c"]),
        ("split('', '/', 'notrim')", [""]),
        ("split('abc', '')", ["abc"]),
        ("tokens(' /a/ b /c', ' /')", ["a", "b", "c"]),
        ("tokens('', '/')", []),
        ("tokens('哈哈, 你好', ', ')", ["哈哈", "你好"]),
        ("concat('哈哈', '你好')", "哈哈你好"),
        ("concat('', '')", ""),
        ("pad('abc', 5)", "abc  "),
        ("pad('abc', 0)", "abc"),
        ("pad('abc', 5, 'both')", " abc "),
        ("pad('abc', 6, 'both')", " abc  "),
        ("pad('abc', 5, 'leading')", "  abc"),
        ("pad('abc', 5, 'trailing', 'ex')", "abcexex"),
        ("pad('abc', 5, 'both', 'ex')", "exabcex"),
        ("pad('abc', 5, 'leading', 'e')", "eeabc"),
        ("replace('ab c  ', ' ', '-')", "ab-c--"),
        ("replace('ab c  ', ' ', '::', 'all')", "ab::c::::"),
        ("replace('ab c  ', ' ', '-', 'leading')", "ab-c  "),
        ("replace('ab c  ', ' ', '-', 'trailing')", "ab c -"),
        ("replace('abc', '', '-')", "abc"),
        ("ascii('a')", 97),
        ("ascii('ab')", 97),
        ("find('acbcd', 'c')", "cbcd"),
        ("find('acbcd', 'e')", ""),
        ("find('', '')", ""),
        ("find('acbcd', 'c', 'trailing')", "cd"),
        ("regex_match('acbcd', '(ac)+')", True),
        ("regex_match('bcd', '(ac)+')", False),
        ("regex_match('', '.*')", True),
        ("regex_match('e2xebd', '^[a-z]+$')", False),
        ("regex_replace('accbcd', 'c+', 'e')", "aebed"),
        ("regex_replace('accbcd', 'c+', '[&]')", "a[cc]b[c]d"),
        (r"regex_replace('a1b2', '([a-z])([0-9])', '\2\1')", "1a2b"),
        (r"regex_replace('a1', '([a-z])', '<\g{1}>')", "<a>1"),
        (r"regex_replace('ab', 'b', '\&')", "a&"),
    ],
)
def test_a_text_becomes(evaluate: Any, expression: str, expected: Any) -> None:
    assert evaluate(expression) == expected


@pytest.mark.parametrize("way", sorted(WAYS))
def test_there_are_six_ways_to_split(evaluate: Any, way: str) -> None:
    option = f", '{way}'" if way else ""

    assert evaluate(f"split('/a/b//c/', '/'{option})") == WAYS[way]


def test_tokens_cut_ends_of_lines_only_when_told(evaluate: Any) -> None:
    text = "a,b\r\n,c\n"

    assert evaluate("tokens(x, ',')", x=text) == ["a", "b\r\n", "c\n"]
    assert evaluate("tokens(x, ',', 'nocrlf')", x=text) == ["a", "b", "c"]
    assert evaluate("tokens(x, ',', 'nocrlf')", x="\r\n") == []


def test_the_end_of_a_line_is_not_cut_in_two(evaluate: Any) -> None:
    assert evaluate("tokens(x, s)", x="a\r\nb\nc", s="\n") == ["a\r\nb", "c"]


def test_letters_with_accents_and_joined_emoji_are_one_character(evaluate: Any) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

    assert evaluate("strlen(x)", x="e\u0301") == 1
    assert evaluate("strlen(x)", x=family) == 1
    assert evaluate("strlen(x)", x="\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7") == 2
    assert evaluate("strlen(x)", x="a\r\nb") == 3
    assert evaluate("reverse(x)", x="ae\u0301") == "e\u0301a"
    assert evaluate("substr(x, 1, 1)", x="a" + family + "b") == family


def test_no_break_space_is_not_trimmed(evaluate: Any) -> None:
    assert evaluate("trim(x)", x="\u00a0a\u2028") == "\u00a0a"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("upper(x)", "function_clause"),
        ("split('a', 'b', 'sideways')", "function_clause"),
        ("pad('a', 3, 'up')", "function_clause"),
        ("replace('a', 'b', 'c', 'some')", "function_clause"),
        ("find('a', 'b', 'all')", "function_clause"),
        ("tokens('a', 'b', 'lf')", "function_clause"),
        ("substr('abc', 0, -1)", "function_clause"),
        ("ascii('')", "badmatch"),
        ("concat(1, 'a')", "function_clause"),
        ("regex_match('a', '(')", "badarg"),
        (r"regex_match('aa', '(a)\1')", "badarg"),
        ("pad('a', 1000000000)", "system_limit"),
    ],
)
def test_what_is_no_text_or_no_option_fails(evaluate: Any, expression: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        evaluate(expression, x=b"\xff")


def test_a_regular_expression_that_would_run_for_ever_ends(evaluate: Any) -> None:
    assert evaluate("regex_match(x, '^(a+)+$')", x="a" * 5_000 + "b") is False


def test_a_text_may_not_grow_without_end(evaluate: Any) -> None:
    half = "a" * (MAX_TEXT // 2 + 1)

    with pytest.raises(RuleError, match="system_limit"):
        evaluate("x + x", x=half)
    with pytest.raises(RuleError, match="system_limit"):
        evaluate("replace(x, 'a', 'bb')", x=half)


@pytest.mark.parametrize(
    "expression", ["split(x, 'a', 'notrim')", "split(x, 'a')", "tokens(y, 'b')"]
)
def test_a_text_is_not_taken_into_more_parts_than_a_list_may_have(
    evaluate: Any, expression: str
) -> None:
    with pytest.raises(RuleError, match="system_limit: a list or map"):
        evaluate(expression, x="a" * 250_000, y="ab" * 250_000)
    assert evaluate("length(split(x, 'a', 'leading_notrim'))", x="a" * 250_000) == 2


@pytest.mark.parametrize(
    "expression",
    [
        "strlen(x)",
        "reverse(x)",
        "substr(x, 1)",
        "pad(x, 5000000)",
        "regex_replace(x, '', 'b')",
    ],
)
def test_work_that_a_message_makes_long_has_an_end(
    evaluate: Any, expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(1_000_000))
    monkeypatch.setattr("app.rules.terms.scope.time.monotonic", lambda: next(looks) * 0.3)
    with pytest.raises(RuleError, match="timeout"):
        evaluate(expression, x="\u0301" * 100_000)


@pytest.mark.parametrize("name", ["bin2hexstr", "base64_encode", "json_encode"])
def test_calls_in_calls_do_not_fill_the_memory(evaluate: Any, name: str) -> None:
    expression = "x"
    for _ in range(60):
        expression = f"{name}({expression})"
    with pytest.raises(RuleError, match=r"system_limit: a text|timeout"):
        evaluate(expression, x='"')
