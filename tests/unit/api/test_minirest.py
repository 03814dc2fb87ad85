"""Envelopes of the third and the fourth generation."""

from __future__ import annotations

import json

from app.api.minirest import page, refusal, rows, success
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
    assert refusal(error).status == 200
    assert json.loads(refusal(error).body) == {"code": 112, "message": "not_found"}
    bare = refusal(ServiceError(ResultCode.NOT_FOUND, "not_found", bare=True))
    assert json.loads(bare.body) == {"message": "not_found"}
