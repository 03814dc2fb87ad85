"""What a value is."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.terms.values import UNDEFINED

VALUES = {
    "is_null": UNDEFINED,
    "is_str": "a",
    "is_bool": True,
    "is_int": 1,
    "is_float": 1.0,
    "is_map": {},
    "is_array": [],
}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_each_type_is_told_from_all_others(evaluate: Any, name: str) -> None:
    told = {kind for kind, value in VALUES.items() if evaluate(f"{name}(x)", x=value)}

    assert told == {name}


def test_both_kinds_of_numbers_are_numbers(evaluate: Any) -> None:
    assert evaluate("is_num(1)") and evaluate("is_num(1.5)")
    assert not evaluate("is_num('1')")
    assert not evaluate("is_num(true)")


def test_a_null_of_json_is_there(evaluate: Any) -> None:
    assert evaluate("is_null(payload.x)", payload='{"x": null}') is False
    assert evaluate("is_not_null(payload.x)", payload='{"x": null}') is True
    assert evaluate("is_null(payload.y)", payload='{"x": null}') is True
    assert evaluate("is_null(null())") is True
