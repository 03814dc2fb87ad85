"""Secrets are hidden from readers, and kept where the mask comes back."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules.params import Param
from app.rules.registry import ACTION_TYPES, RESOURCE_TYPES
from app.services.masking import MASK, is_secret, masked, unmasked

KEPT = {
    "url": "http://user:pass@there:80/x",
    "password": "s3cret",
    "empty_password": "",
    "headers": {"Authorization": "Bearer x", "accept": "text"},
    "keyfile": {"filename": "key.pem", "file": "-----BEGIN"},
    "servers": [{"token": "a"}, {"token": "b"}],
    "pool_size": 8,
}
SHOWN = {
    "url": f"http://user:{MASK}@there:80/x",
    "password": MASK,
    "empty_password": "",
    "headers": {"Authorization": MASK, "accept": "text"},
    "keyfile": MASK,
    "servers": [{"token": MASK}, {"token": MASK}],
    "pool_size": 8,
}


def test_secrets_are_hidden_and_nothing_else() -> None:
    assert masked(KEPT) == SHOWN


def test_what_is_sent_back_as_it_was_shown_is_kept() -> None:
    assert unmasked(SHOWN, KEPT) == KEPT
    assert unmasked({**SHOWN, "pool_size": 4}, KEPT) == {**KEPT, "pool_size": 4}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"password": "new"}, {"password": "new"}),
        ({"password": ""}, {"password": ""}),
        ({"empty_password": MASK}, {"empty_password": MASK}),
        ({"other": MASK}, {"other": MASK}),
        (
            {"servers": [{"token": MASK}, {"token": MASK}, {"token": MASK}]},
            {"servers": [{"token": "a"}, {"token": "b"}, {"token": MASK}]},
        ),
    ],
)
def test_what_is_new_is_new(given: Any, expected: Any) -> None:
    assert unmasked(given, KEPT) == expected


def is_typed_secretly(param: Param) -> bool:
    types = param.type if isinstance(param.type, tuple) else (param.type,)
    return "password" in types or ("file" in types and "key" in param.name)


@pytest.mark.parametrize("kind", [*RESOURCE_TYPES, *ACTION_TYPES], ids=lambda kind: kind.name)
def test_whatever_a_form_hides_while_it_is_typed_is_a_secret(kind: Any) -> None:
    hidden = [param.name for param in kind.params if is_typed_secretly(param)]
    assert [name for name in hidden if not is_secret(name)] == []
