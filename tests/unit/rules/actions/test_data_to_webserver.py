"""Requests made of results."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.actions.data_to_webserver import DATA_TO_WEBSERVER, RequestTemplate
from app.rules.errors import ActionFailed, BadArguments
from app.rules.resources.web_hook import joined


def a_template(**params: Any) -> RequestTemplate:
    return RequestTemplate(DATA_TO_WEBSERVER.checked({"$resource": "r", **params}))


def test_the_whole_result_is_posted_as_json_by_default() -> None:
    request = a_template().fill({"a": 1})
    assert (request.method, request.path, request.body) == ("POST", "", b'{"a":1}')
    assert request.headers == {"content-type": "application/json"}


def test_path_headers_and_body_take_variables() -> None:
    request = a_template(
        method="PUT",
        path="/d/${clientid}?q=${qos}",
        headers={"X_Topic": "${topic}", "${name}": 5},
        body="${payload}",
    ).fill({"clientid": "c", "qos": 1, "topic": "t", "name": "N", "payload": b"\xff"})
    assert request.path == "/d/c?q=1"
    assert request.headers == {"x-topic": "t", "N": "5"}
    assert request.body == b"\xff"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_has_no_body_has_no_type_of_it(method: str) -> None:
    request = a_template(method=method, body="b").fill({})
    assert (request.body, request.headers) == (None, {})


def test_a_header_of_two_lines_is_not_sent() -> None:
    template = a_template(headers={"a": "${x}"})
    with pytest.raises(ActionFailed):
        template.fill({"x": "1\r\nhost: other"})


@pytest.mark.parametrize("wrong", [{"method": "PATCH"}, {"headers": {"a": []}}, {"$resource": 5}])
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadArguments):
        a_template(**wrong)


@pytest.mark.parametrize(
    ("url", "path", "whole"),
    [
        ("http://h", "", "http://h"),
        ("http://h", "/a", "http://h/a"),
        ("http://h/", "a", "http://h/a"),
        ("http://h/b/", "/a?q=1", "http://h/b/a?q=1"),
    ],
)
def test_a_path_stands_behind_the_address(url: str, path: str, whole: str) -> None:
    assert joined(url, path) == whole
