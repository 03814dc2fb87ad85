"""Parameters: what is shown of them, and what is taken for them."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.errors import BadArguments
from app.rules.params import Param, Words, checked, rows

WORDS = Words("Name", "名称")


def a_param(kind: str | tuple[str, ...], **more: Any) -> Param:
    return Param("x", kind, WORDS, WORDS, **more)


def test_a_specification_shows_what_it_has_and_nothing_else() -> None:
    table = (
        a_param("string", required=True, format="url"),
        Param("y", ("number", "string"), WORDS, WORDS, default=0, enum=(0, 1)),
        Param("z", "object", WORDS, WORDS, default={}, input="editor"),
    )
    words = {"en": "Name", "zh": "名称"}
    assert rows(table) == {
        "x": {
            "order": 1,
            "type": "string",
            "title": words,
            "description": words,
            "required": True,
            "format": "url",
        },
        "y": {
            "order": 2,
            "type": ["number", "string"],
            "title": words,
            "description": words,
            "default": 0,
            "enum": [0, 1],
        },
        "z": {
            "order": 3,
            "type": "object",
            "title": words,
            "description": words,
            "default": {},
            "schema": {},
            "input": "editor",
        },
    }


@pytest.mark.parametrize(
    ("param", "given", "taken"),
    [
        (a_param("string"), "a", "a"),
        (a_param("password"), "", ""),
        (a_param("number"), 5, 5),
        (a_param("number"), "5", 5),
        (a_param("number"), 1.5, 1.5),
        (a_param("boolean"), True, True),
        (a_param("boolean"), "false", False),
        (a_param("boolean"), "on", True),
        (a_param("object"), [], {}),
        (a_param("object"), {"a": 1}, {"a": 1}),
        (a_param("file"), "/etc/ca.pem", "/etc/ca.pem"),
        (a_param("file"), {"filename": "a", "file": "text"}, {"filename": "a", "file": "text"}),
        (a_param(("number", "string")), "${qos}", "${qos}"),
        (a_param(("number", "string")), "2", 2),
        (a_param("string", enum=("A", "B")), "B", "B"),
        (a_param("string", format="url"), "http://h:80/p?q=1", "http://h:80/p?q=1"),
        (a_param("string", format="duration"), "1m30s", "1m30s"),
        (a_param("string", format="duration"), 5, "5"),
        (a_param("number", format="count"), 8, 8),
        (a_param("string", format="address"), "h:1", "h:1"),
        (a_param("string", format="addresses"), "h:1, i", "h:1, i"),
    ],
)
def test_values_are_taken_for_what_they_mean(param: Param, given: Any, taken: Any) -> None:
    assert checked([param], {"x": given}) == {"x": taken}


@pytest.mark.parametrize(
    ("param", "given"),
    [
        (a_param("string"), 5),
        (a_param("string"), None),
        (a_param("number"), True),
        (a_param("number"), "five"),
        (a_param("boolean"), 1),
        (a_param("boolean"), "yes"),
        (a_param("object"), "text"),
        (a_param("file"), {"file": 5}),
        (a_param("string", enum=("A", "B")), "C"),
        (a_param("string", format="url"), "ftp://h/"),
        (a_param("string", format="url"), "http://"),
        (a_param("string", format="url"), "http://user@h/"),
        (a_param("string", format="duration"), "0s"),
        (a_param("string", format="duration"), "soon"),
        (a_param("number", format="count"), 0),
        (a_param("string", format="address"), "h:1,i:2"),
        (a_param("string", format="addresses"), "h:1,"),
        (a_param("number", format="count"), 1.5),
    ],
)
def test_other_values_are_refused_by_name(param: Param, given: Any) -> None:
    with pytest.raises(BadArguments, match=r'^\{invalid_data_type,<<"x">>,'):
        checked([param], {"x": given})


def test_what_is_left_out_has_its_default_or_is_missed() -> None:
    assert checked([a_param("string", required=True, default="d")], {}) == {"x": "d"}
    assert checked([a_param("string")], {}) == {}
    with pytest.raises(BadArguments, match='required_field_missing,<<"x">>'):
        checked([a_param("string", required=True)], {})


def test_unknown_values_are_kept() -> None:
    assert checked([], {"disk_cache": "off"}) == {"disk_cache": "off"}
