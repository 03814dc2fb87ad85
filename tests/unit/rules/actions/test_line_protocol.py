"""Points as lines: every character where it is meant to be, and nothing that the protocol has no form for."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.actions.line_protocol import Integer, integer, line
from app.rules.errors import ActionFailed


def test_names_tags_and_fields_are_escaped_each_in_its_way() -> None:
    made = line(
        "my, meas=ure",
        {"b t,a=g": "v 1,2=3", "a": "\u6e29\u5ea6", "none": ""},
        {"f, =1": 'say "hi" \\ there', "n": 1.5},
        7,
    )
    assert made.decode() == (
        r"my\,\ meas=ure,a=温度,b\ t\,a\=g=v\ 1\,2\=3 "
        r'f\,\ \=1="say \"hi\" \\ there",n=1.5 7'
    )


def test_each_kind_of_field_has_its_form() -> None:
    fields = {"i": Integer(3), "f": 3, "g": 1e300, "t": True, "u": False, "s": "a\nb"}
    made = line("m", {}, fields, -1)
    assert made == b'm i=3i,f=3,g=1e+300,t=true,u=false,s="a\nb" -1'


@pytest.mark.parametrize(
    ("measurement", "tags", "fields", "timestamp"),
    [
        ("", {}, {"f": 1}, 1),
        ("m\nn", {}, {"f": 1}, 1),
        ("m\\", {}, {"f": 1}, 1),
        ("m", {"t": "a\\"}, {"f": 1}, 1),
        ("m", {"t": "a\\ b"}, {"f": 1}, 1),
        ("m", {"t": "a\r"}, {"f": 1}, 1),
        ("m", {"": "a"}, {"f": 1}, 1),
        ("m", {}, {}, 1),
        ("m", {}, {"": 1}, 1),
        ("m", {}, {"f": float("nan")}, 1),
        ("m", {}, {"f": float("inf")}, 1),
        ("m", {}, {"f": 10**400}, 1),
        ("m", {}, {"f": Integer(2**63)}, 1),
        ("m", {}, {"f": 1}, 2**63),
    ],
)
def test_what_has_no_form_is_refused(
    measurement: str, tags: dict[str, str], fields: dict[str, Any], timestamp: int
) -> None:
    with pytest.raises(ActionFailed):
        line(measurement, tags, fields, timestamp)


@pytest.mark.parametrize(("value", "found"), [(3, 3), (3.0, 3), ("-4", -4), (" 5 ", 5)])
def test_whole_numbers_are_integers(value: Any, found: int) -> None:
    assert integer(value) == found


@pytest.mark.parametrize("value", [True, 1.5, "x", "1.0", None, [], "9" * 30, "\u0663"])
def test_anything_else_is_none(value: Any) -> None:
    with pytest.raises(ActionFailed):
        integer(value)
