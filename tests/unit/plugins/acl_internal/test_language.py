"""EMQX's rule language: what it means, and where a mistake is."""

from __future__ import annotations

import pytest

from app.plugins.acl_internal.language import Rule, RuleError, Topic, Who, parse_rules
from app.plugins.acl_internal.module import SHIPPED_RULES


def test_the_shipped_rules_are_emqx_s() -> None:
    rules = parse_rules(SHIPPED_RULES)
    assert rules[0] == Rule(
        True, Who("user", "dashboard"), ("subscribe",), (Topic("$SYS/#", False),)
    )
    assert rules[2].topics == (Topic("$SYS/#", False), Topic("#", True))
    assert rules[3] == Rule(True, Who("all"))
    assert len(rules) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%% only a remark\n",
        '{allow, {client, "c"}, publish, ["a", "b/%c"]}.',
        '{deny, all, pubsub, [<<"a">>]}.',
        '{allow, {ipaddr, "10.0.0.0/8"}, pubsub, ["a"]}.',
        '{allow, {ipaddrs, ["10.0.0.1", "::1"]}, pubsub, ["a"]}.',
        '{allow, {\'and\', [{user, "u"}, {ipaddr, "127.0.0.1"}]}, subscribe, ["a"]}.',
        '{allow, {\'or\', [{user, "u"}, {client, "c"}]}, subscribe, ["a"]}.',
        '{allow, {user, {re, "^dev_"}}, publish, ["a"]}.',
        '{allow, {user, all}, publish, ["a"]}.',
        '{deny, all, publish, "a"}.',
    ],
)  # fmt: skip
def test_what_emqx_takes_is_taken(text: str) -> None:
    parse_rules(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{allow, all}", (1, 12)),
        ("{allow, all}.\n{alow, all}.", (2, 2)),
        ("{allow, all}.\n\n  {deny, nobody}.", (3, 10)),
        ('{allow, all, write, ["a"]}.', (1, 14)),
        ("{allow, all, publish, [a]}.", (1, 24)),
        ('{allow, all, publish, ["a/#/b"]}.', (1, 24)),
        ('{allow, {ipaddr, "10.0.0"}, publish, ["a"]}.', (1, 18)),
        ('{allow, {user, {re, "("}}, publish, ["a"]}.', (1, 21)),
        ('{allow, {color, "red"}, publish, ["a"]}.', (1, 10)),
        ("{allow, all}.\n}", (2, 1)),
        ("{allow; all}.", (1, 7)),
        ("[allow].", (1, 1)),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(RuleError) as refused:
        parse_rules(text)
    assert (refused.value.line, refused.value.column) == place
    assert str(refused.value).startswith(f"line {place[0]}, column {place[1]}: ")
