"""Values put into nested places, in copies."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.terms.paths import End, Index, Path, read, write, written_keys
from app.rules.terms.scope import Columns, Context, Scope
from app.rules.terms.values import UNDEFINED

HEAD, TAIL = Index(End.HEAD), Index(End.TAIL)


def scope_of(**columns: Any) -> Scope:
    return Scope(Columns(columns), Context())


@pytest.mark.parametrize(
    ("steps", "before", "after"),
    [
        (("b",), UNDEFINED, {"b": 9}),
        (("b",), {"c": 1}, {"c": 1, "b": 9}),
        (("b",), [1], {"b": 9}),
        (("b", "c"), {"b": {"d": 1}}, {"b": {"d": 1, "c": 9}}),
        (("b", "c"), {"b": '{"d": 1}'}, {"b": {"c": 9}}),
        (("b",), '{"d": 1}', {"b": 9}),
        ((HEAD,), [1], [9, 1]),
        ((TAIL,), [1], [1, 9]),
        ((HEAD,), UNDEFINED, [9]),
        ((Index(2),), [1, 2, 3], [1, 9, 3]),
        ((Index(-1),), [1, 2, 3], [1, 2, 9]),
        ((Index(-3),), [1, 2, 3], [9, 2, 3]),
        ((Index(4),), [1, 2, 3], [1, 2, 3]),
        ((Index(1),), {"a": 1}, [9]),
        ((Index(1), "c"), [{"d": 1}], [{"d": 1, "c": 9}]),
        ((Index(Path("i")),), [1, 2], [1, 9]),
        ((Index(Path("none")),), [1, 2], [1, 2]),
    ],
)
def test_a_value_is_put_where_a_path_leads(steps: Any, before: Any, after: Any) -> None:
    target = {} if before is UNDEFINED else {"a": before}
    write(Path("a", steps), 9, target, scope_of(i=2))

    assert target == {"a": after}


def test_what_stood_there_is_not_changed() -> None:
    before = {"b": [1, {"c": 1}]}
    target = {"a": before}
    write(Path("a", ("b", Index(2), "c")), 9, target, scope_of())

    assert before == {"b": [1, {"c": 1}]}
    assert target == {"a": {"b": [1, {"c": 9}]}}


def test_a_place_is_looked_for_where_the_path_sets_out_and_then_among_the_names() -> None:
    path = Path("a", ("l", Index(Path("i"))))

    assert read(path, scope_of(a={"l": [1, 2], "i": 2}, i=1)) == 2
    assert read(path, scope_of(a={"l": [1, 2]}, i=1)) == 1
    assert read(path, scope_of(a={"l": [1, 2]}, i=True)) is UNDEFINED


def test_keys_make_the_levels_that_are_missing() -> None:
    assert written_keys(("a", "b"), 1, UNDEFINED) == {"a": {"b": 1}}
    assert written_keys((), 1, {}) == 1
