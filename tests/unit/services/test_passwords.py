"""How dashboard passwords are kept."""

from __future__ import annotations

import base64
import hashlib

import pytest

from app.services.passwords import EMQX_PREFIX, NOBODYS_HASH, fits, hash_password, is_outdated


def as_emqx_keeps(password: bytes, salt: bytes = b"\xff\x00\x01\x02") -> str:
    digest = hashlib.md5(salt + password, usedforsecurity=False).digest()
    return EMQX_PREFIX + base64.b64encode(salt + digest).decode()


@pytest.mark.parametrize("password", ["public", "ümläut", "\udc80", ""])
def test_a_password_fits_what_is_kept_of_it(password: str) -> None:
    kept = hash_password(password)
    assert fits(kept, password)
    assert not fits(kept, password + "x")
    assert not is_outdated(kept)


def test_one_of_emqx_fits_and_is_outdated() -> None:
    kept = as_emqx_keeps("ümläut".encode())
    assert fits(kept, "ümläut")
    assert not fits(kept, "umlaut")
    assert is_outdated(kept)


def test_two_users_with_one_password_have_nothing_in_common() -> None:
    assert hash_password("public") != hash_password("public")


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$damaged"])
def test_what_is_damaged_fits_nothing(kept: str) -> None:
    assert not fits(kept, "public")


def test_nobodys_password_costs_what_others_do() -> None:
    assert NOBODYS_HASH.split("$")[:4] == hash_password("x").split("$")[:4]
