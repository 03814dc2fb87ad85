"""Equality and the order of terms."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.terms.compare import equal, less, order, same
from app.rules.terms.values import UNDEFINED

ASCENDING: list[Any] = [
    -1,
    0.5,
    1,
    10**30,
    False,
    None,
    True,
    UNDEFINED,
    {},
    {"a": 1},
    {"a": 2},
    {"b": 1},
    {"a": 1, "b": 1},
    [],
    [1],
    [1, 2],
    [2],
    "",
    "a",
    "b",
    "你",
    b"\xff",
]

TERMS = st.recursive(
    st.sampled_from([None, UNDEFINED, True, False, 0, 1, 1.0, -2.5, "", "a", b"\xff"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=5,
)


def test_terms_have_an_order() -> None:
    for lesser, greater in pairwise(ASCENDING):
        assert less(lesser, greater), (lesser, greater)
        assert not less(greater, lesser)


@given(TERMS, TERMS, TERMS)
def test_the_order_is_one(a: Any, b: Any, c: Any) -> None:
    assert order(a, b) == -order(b, a)
    if order(a, b) <= 0 and order(b, c) <= 0:
        assert order(a, c) <= 0


@given(TERMS, TERMS)
def test_what_is_equal_is_neither_less_nor_more(a: Any, b: Any) -> None:
    assert equal(a, b) == (order(a, b) == 0)
    if same(a, b):
        assert equal(a, b)


@pytest.mark.parametrize(
    ("left", "right", "are_equal", "are_same"),
    [
        (1, 1.0, True, False),
        (1, True, False, False),
        (0, False, False, False),
        ([1], [1.0], True, False),
        ([1], [True], False, False),
        ({"a": 1}, {"a": 1.0}, True, False),
        ({"a": 1}, {"a": 1}, True, True),
        ({"a": 1}, {"b": 1}, False, False),
        ([1], [1, 2], False, False),
        ("a", b"a", False, False),
        (None, UNDEFINED, False, False),
        (UNDEFINED, "undefined", False, False),
        (UNDEFINED, UNDEFINED, True, True),
    ],
)
def test_equal_and_the_same_differ_in_numbers_only(
    left: Any, right: Any, are_equal: bool, are_same: bool
) -> None:
    assert equal(left, right) is are_equal
    assert same(left, right) is are_same
