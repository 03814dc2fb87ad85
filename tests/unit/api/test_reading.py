"""Query strings, and bodies that do not come."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.api.reading import read_body, read_query


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


class Silence:
    """The body of a caller that announced one."""

    def read(self, _size: int = -1) -> bytes:
        raise TimeoutError

    readline = read


@pytest.mark.parametrize(
    ("announced", "refusal"), [(1 << 30, RequestEntityTooLarge), (9, ClientDisconnected)]
)
def test_a_body_that_does_not_come_is_refused(announced: int, refusal: Any) -> None:
    environ = {"CONTENT_LENGTH": str(announced), "wsgi.input": Silence(), "REQUEST_METHOD": "PUT"}
    with pytest.raises(refusal):
        read_body(Request(environ), 100)
