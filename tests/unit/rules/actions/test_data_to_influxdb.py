"""Points made of results: types are those of the values, and of what stands around a variable."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.actions.data_to_influxdb import DATA_TO_INFLUXDB, PointTemplate
from app.rules.errors import ActionFailed, BadArguments
from app.rules.terms.scope import Columns

EVENT = Columns({"timestamp": 1_700_000_000_123})


def filled(output: dict[str, Any], **params: Any) -> str:
    given = {"$resource": "r", "measurement": "m", **params}
    template = PointTemplate(DATA_TO_INFLUXDB.checked(given))
    return template.fill(output, EVENT, lambda wall_ms: wall_ms * 10).decode()


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("${i}", "12"),
        ("${i}i", "12i"),
        ("${f}", "1.5"),
        ("${s}", '"a \\"b\\""'),
        ("${t}", "true"),
        ("${o}", '"{\\"k\\":1}"'),
        ("${b}", '"\ufffd"'),
        ("${i} C", '"12 C"'),
        ("12i", "12i"),
        ("-0.5", "-0.5"),
        ("true", "true"),
        ('"12"', '"12"'),
        ("abc", '"abc"'),
        (7, "7"),
    ],
)
def test_a_field_has_the_type_of_its_value(template: object, written: str) -> None:
    output = {"i": 12, "f": 1.5, "s": 'a "b"', "t": True, "o": {"k": 1}, "b": b"\xff"}
    assert filled(output, fields={"x": template}) == f"m x={written} 17000000001230"


def test_whole_numbers_may_be_integers() -> None:
    assert filled({"i": 3, "t": True}, fields={"a": "${i}", "b": "${t}"}, int_suffix="int") == (
        "m a=3i,b=true 17000000001230"
    )


def test_what_is_not_there_is_left_out() -> None:
    fields = {"a": "${a}", "b": "${b}", "c": "${b}i"}
    assert filled({"a": 1}, fields=fields, tags={"t": "${t}", "u": "${a}"}) == (
        "m,u=1 a=1 17000000001230"
    )
    with pytest.raises(ActionFailed, match="without a field"):
        filled({}, fields=fields)


def test_measurement_keys_and_tags_take_variables_that_stay_in_their_places() -> None:
    evil = "x,y=1 z=2"
    made = filled({"e": evil, "v": 1}, measurement="${e}", tags={"${e}": "a${e}"}, fields={"${e}": "${v}"})  # fmt: skip
    assert made == (r"x\,y=1\ z=2,x\,y\=1\ z\=2=ax\,y\=1\ z\=2 x\,y\=1\ z\=2=1 17000000001230")


@pytest.mark.parametrize(("timestamp", "written"), [("${ts}", "5"), ("77", "77"), ("", "17000000001230")])  # fmt: skip
def test_a_point_has_its_own_time_or_that_of_the_message(timestamp: str, written: str) -> None:
    assert filled({"v": 1, "ts": "5"}, fields={"v": "${v}"}, timestamp=timestamp).split()[-1] == written  # fmt: skip


def test_a_time_that_is_none_is_given_up() -> None:
    with pytest.raises(ActionFailed):
        filled({"v": 1}, fields={"v": "${v}"}, timestamp="${ts}")
    with pytest.raises(BadArguments):
        filled({"v": 1}, timestamp="now")
