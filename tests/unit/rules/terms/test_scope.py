"""What a running statement sees."""

from __future__ import annotations

import pytest

from app.rules.terms.errors import RuleError
from app.rules.terms.scope import Columns, Context, Scope
from app.rules.terms.values import UNDEFINED


def test_what_is_computed_stands_in_front_of_the_columns() -> None:
    scope = Scope(Columns({"a": 1, "b": 2}), Context(metadata={"rule_id": "r"}))
    scope["a"] = 5

    assert (scope["a"], scope["b"], scope["c"]) == (5, 2, UNDEFINED)
    assert scope["metadata"] == {"rule_id": "r"}


def test_a_branch_does_not_change_what_it_grew_from() -> None:
    scope = Scope(Columns({"a": 1}), Context())
    scope["b"] = 2
    branch = scope.branch()
    branch["b"] = 3

    assert (branch["a"], branch["b"], scope["b"]) == (1, 3, 2)


def test_a_payload_that_is_no_json_fails_each_time() -> None:
    columns = Columns({})
    for _ in range(2):
        with pytest.raises(RuleError, match="decode_json_failed"):
            columns.decoded("{")
    assert columns.decoded("[1]") == [1]
