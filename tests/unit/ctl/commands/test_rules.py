"""How rules and what they use are shown to people."""

from __future__ import annotations

from app.ctl.commands.rules import RULE, _in_english, _rule_row
from app.ctl.tables import table

ROW = {
    "id": "r1",
    "enabled": True,
    "for": ["t/#", "$events/client_connected"],
    "rawsql": 'SELECT\n  payload\nFROM\n  "t/#"',
    "actions": [{"name": "republish"}, {"name": "inspect"}],
    "metrics": [{"node": "a", "matched": 2}, {"node": "b", "matched": 3}],
    "description": "d",
}


def test_a_rule_stands_on_one_line_with_the_matches_of_all_nodes() -> None:
    _heading, line = table([_rule_row(ROW)], RULE)
    assert 'SELECT payload FROM "t/#"' in line
    assert "republish, inspect" in line
    assert "5" in line.split()


def test_of_several_languages_people_are_shown_the_english_one() -> None:
    row = {"name": "inspect", "title": {"en": "Inspect", "zh": "检查"}, "params": {}, "types": []}
    assert _in_english(row) == {"name": "inspect", "title": "Inspect", "types": []}
