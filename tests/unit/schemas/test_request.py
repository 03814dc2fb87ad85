"""From an untrusted mapping to values or to one error; every kind of field that requests carry."""

from __future__ import annotations

import pytest

from app.errors import ResultCode, ServiceError
from app.schemas.fields import INT64_MAX, WordIsNone, flag, one_of, text, unix_seconds
from app.schemas.request import RequestSchema


class Sample(RequestSchema):
    name = text(3, 1, required=True)
    kind = one_of(("x", "y"), data_key="as", required=True)
    on = flag(load_default=True)
    at = unix_seconds()
    until = unix_seconds(allow_none=True, pre_load=WordIsNone("never"))


GOOD = {"name": "abc", "as": "x"}


def refused(params: dict[str, object]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        Sample().read(params)
    return caught.value


def test_good_members_come_back_under_the_names_of_the_house() -> None:
    assert Sample().read(GOOD) == {"name": "abc", "kind": "x", "on": True}
    full = {**GOOD, "on": False, "at": 0, "until": INT64_MAX}
    assert Sample().read(full) == {
        "name": "abc", "kind": "x", "on": False, "at": 0, "until": INT64_MAX
    }  # fmt: skip


def test_a_word_may_stand_for_nothing() -> None:
    assert Sample().read({**GOOD, "until": "never"})["until"] is None


def test_members_that_are_not_known_are_ignored() -> None:
    assert Sample().read({**GOOD, "other": {}, "kind": "z"}) == Sample().read(GOOD)


@pytest.mark.parametrize("params", [{}, {"name": "a"}, {"as": "x"}, {"name": 1, "kind": "x"}])
def test_all_mandatory_members_are_named_where_one_is_missing(params: dict[str, object]) -> None:
    error = refused(params)
    assert error.code is ResultCode.MISSING_PARAMETER
    assert error.message == "missing mandatory params: ['name', 'as']"


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("name", [None, 1, True, [], {}, b"a", "", "abcd", "a\0", "\ud800"]),
        ("as", [None, 1, [], "X", "", "z", ["x"]]),
        ("on", [None, 0, 1, "true", "on", []]),
        ("at", [None, True, 1.0, "1", -1, INT64_MAX + 1, float("nan"), []]),
        ("until", ["infinity", "", True, -1]),
    ],
)
def test_a_wrong_member_is_named(member: str, values: list[object]) -> None:
    for value in values:
        error = refused({**GOOD, member: value})
        assert error.code is ResultCode.BAD_PARAMETER
        assert error.message.startswith(f"value of '{member}' must be "), value


def test_the_first_of_several_wrong_members_is_told() -> None:
    assert "'name'" in refused({"at": "x", "as": "z", "name": ""}).message
    assert "'as'" in refused({"at": "x", "as": "z", "name": "a"}).message
