"""The shape of applications."""

from __future__ import annotations

import pytest

from app.errors import ServiceError
from app.schemas.app import AppCreate, AppUpdate, check_app_id, is_app_id


@pytest.mark.parametrize("app_id", ["a", "0", "A-b_c", "a" * 256, "admin"])
def test_ids_of_emqx_are_taken(app_id: str) -> None:
    check_app_id(app_id)
    assert is_app_id(app_id)


@pytest.mark.parametrize(
    ("app_id", "message"),
    [
        ("", "0 < Length =< 256"),
        ("a" * 257, "0 < Length =< 256"),
        ("é" * 129, "0 < Length =< 256"),
        ("-a", "required: ^[A-Za-z0-9]+[A-Za-z0-9-_]*$"),
        ("_a", "required: ^[A-Za-z0-9]+[A-Za-z0-9-_]*$"),
        ("a b", "required: ^[A-Za-z0-9]+[A-Za-z0-9-_]*$"),
        ("a:b", "required: ^[A-Za-z0-9]+[A-Za-z0-9-_]*$"),
        ("a\n", "required: ^[A-Za-z0-9]+[A-Za-z0-9-_]*$"),
        ("\ud800", "required: ^[A-Za-z0-9]+[A-Za-z0-9-_]*$"),
    ],
)
def test_other_ids_are_refused_in_the_words_of_emqx(app_id: str, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_app_id(app_id)
    assert (caught.value.message, caught.value.bare) == (message, True)
    assert not is_app_id(app_id)


@pytest.mark.parametrize("never", [None, "undefined"])
def test_an_expiry_that_is_undefined_is_none(never: object) -> None:
    params = {"app_id": "a", "name": "", "status": False, "expired": never}
    assert AppCreate().read(params)["expired"] is None
    assert AppUpdate().read({"expired": never})["expired"] is None


def test_an_update_names_its_secret_only_where_it_is_given() -> None:
    undefined = {"name": None, "desc": None, "status": None, "expired": None}
    assert AppUpdate().read({}) == undefined
    assert AppUpdate().read({"secret": "s"}) == {**undefined, "secret": "s"}
