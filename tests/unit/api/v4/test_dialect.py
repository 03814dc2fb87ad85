"""Envelopes and query strings of the fourth generation."""

from __future__ import annotations

import json

import pytest

from app.api.v4.dialect import page, read_query, refusal, rows, success
from app.errors import ResultCode, ServiceError
from app.node.proxy import PageRequest, RowsPage


def test_rows_are_wrapped_without_a_look_at_them():
    assert rows(b'{"a":1},{"a":2}').body == b'{"data":[{"a":1},{"a":2}],"code":0}'
    assert rows(b"").body == b'{"data":[],"code":0}'
    assert success({"a": "ü"}).body == '{"data":{"a":"ü"},"code":0}'.encode()


def test_a_page_repeats_what_was_asked_and_counts_what_there_is():
    encoded = RowsPage(b'{"a":1}', -1, hasnext=True)
    asked = PageRequest(-2, 10)
    assert json.loads(page(encoded, asked).body) == {
        "meta": {"page": -2, "limit": 10, "count": -1, "hasnext": True},
        "data": [{"a": 1}],
        "code": 0,
    }
    assert "hasnext" not in json.loads(page(encoded, asked, with_hasnext=False).body)["meta"]


def test_a_refusal_travels_with_200_and_some_without_a_code():
    error = ServiceError(ResultCode.CLIENT_NOT_ONLINE)
    assert (refusal(error).status_code, refusal(error).json) == (
        200,
        {"code": 112, "message": "not_found"},
    )
    assert refusal(ServiceError(ResultCode.NOT_FOUND, "not_found", bare=True)).json == {
        "message": "not_found"
    }


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
