"""Values out of query strings and bodies."""

from __future__ import annotations

import pytest

from app.errors import ResultCode, ServiceError
from app.services.query import (
    not_convertible,
    one_of,
    to_boolean,
    to_integer,
    to_ipv4,
    to_milliseconds,
    to_text,
)


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (to_integer, "-7", -7),
        (to_integer, "+7", 7),
        (to_integer, 7, 7),
        (to_milliseconds, "7", 7000),
        (to_text, "x", "x"),
        (to_text, 7, "7"),
        (to_ipv4, "10.0.0.1", "10.0.0.1"),
        (to_boolean, "true", True),
        (to_boolean, True, True),
        (to_boolean, "false", False),
        (to_boolean, False, False),
        (one_of("a", "b"), "b", "b"),
    ],
)
def test_values_are_read(read, value, result):
    assert read(value) == result


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (to_integer, True),
        (to_integer, "1e3"),
        (to_integer, "9" * 19),
        (to_integer, 10**18),
        (to_integer, 1.0),
        (to_milliseconds, "x"),
        (to_text, True),
        (to_text, None),
        (to_ipv4, "10.0.0"),
        (to_ipv4, "010.0.0.1"),
        (to_ipv4, 1),
        (to_boolean, "yes"),
        (to_boolean, 1),
        (one_of("a"), True),
        (one_of("a"), []),
    ],
)
def test_what_cannot_be_read_is_code_108(read, value):
    with pytest.raises(ServiceError) as refused:
        read(value)
    assert refused.value.code is ResultCode.BAD_PARAMETER


@pytest.mark.parametrize(
    ("value", "shown"), [("x", '<<"x">>'), ('"', r'<<"\"">>'), (True, "true"), (None, "null"), ([1], "[1]")]
)  # fmt: skip
def test_a_value_is_shown_as_erlang_shows_it(value, shown):
    assert not_convertible(value, "integer").message == f"Can't convert {shown} to integer type"
