"""Query strings."""

from __future__ import annotations

import pytest

from app.api.reading import read_query


@pytest.mark.parametrize(
    ("query_string", "params"),
    [
        ("", {}),
        ("a=1&b=x+y%2Bz", {"a": "1", "b": "x y+z"}),
        ("a", {"a": True}),
        ("a=", {"a": ""}),
        ("a=1&a=2", {"a": "1"}),
        ("&&a=b=c&=d", {"a": "b=c"}),
        ("a=%C3%BC&b=\u00c3\u00bc", {"a": "ü", "b": "ü"}),
        ("a=%zz&b=%ff", {"a": "%zz", "b": "\ufffd"}),
    ],
)
def test_a_query_string_is_read(query_string, params):
    assert read_query(query_string) == params
