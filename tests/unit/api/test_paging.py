"""`_page` and `_limit`."""

from __future__ import annotations

import pytest

from app.api.paging import page_request
from app.errors import ServiceError
from app.node.proxy import PageRequest


@pytest.mark.parametrize(
    ("params", "asked"),
    [
        ({}, PageRequest(1, 50)),
        ({"_page": "2", "_limit": "10"}, PageRequest(2, 10)),
        ({"_page": 2, "_limit": 0}, PageRequest(2, 0)),
        ({"_page": "-1"}, PageRequest(-1, 50)),
        ({"_limit": "99999999999"}, PageRequest(1, 1_000_000_000)),
    ],
)
def test_a_page_is_read(params, asked):
    assert page_request(params, 50) == asked


@pytest.mark.parametrize(
    "value", ["x", "", "1.0", "１", "1_0", " 1", True, 1.5, None, [], -1, "-1"]
)
def test_a_limit_that_is_no_count_is_refused(value):
    with pytest.raises(ServiceError):
        page_request({"_limit": value}, 50)
