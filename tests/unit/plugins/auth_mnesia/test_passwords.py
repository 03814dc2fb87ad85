"""Stored passwords: EMQX's form, written and recognised."""

from __future__ import annotations

import base64
import hashlib

import pytest

from app.config.extensions import PASSWORD_HASHES
from app.plugins.auth_mnesia.passwords import fits, stored_form


@pytest.mark.parametrize("algorithm", PASSWORD_HASHES)
def test_what_was_stored_fits_and_nothing_else_does(algorithm: str) -> None:
    stored = stored_form(b"public", algorithm)
    assert fits(stored, b"public", algorithm)
    assert not fits(stored, b"Public", algorithm)
    assert not fits(stored, b"", algorithm)
    assert not fits(stored, None, algorithm)


@pytest.mark.parametrize("algorithm", PASSWORD_HASHES)
def test_the_salt_makes_equal_passwords_differ(algorithm: str) -> None:
    assert stored_form(b"public", algorithm) != stored_form(b"public", algorithm)


def test_the_form_is_salt_and_hexadecimal_digest() -> None:
    salt = b"\x01\x02\x03\x04"
    digest = hashlib.sha256(salt + b"public").hexdigest().encode()
    assert fits(base64.b64encode(salt + digest).decode(), b"public", "sha256")
    plain = base64.b64encode(salt + b"public").decode()
    assert fits(plain, b"public", "plain")


def test_a_digest_without_salt_is_known_by_its_length() -> None:
    digest = hashlib.md5(b"public").hexdigest().encode()
    assert fits(base64.b64encode(digest).decode(), b"public", "md5")


@pytest.mark.parametrize("damaged", ["", "not base64!", "AAAA", "ü"])
def test_a_damaged_form_fits_nobody(damaged: str) -> None:
    assert not fits(damaged, b"public", "sha256")
