"""Hashes of directories, in the schemes that EMQX and OpenLDAP know."""

from __future__ import annotations

import base64
import hashlib

import pytest

from app.plugins.auth_ldap.passwords import fits


def stored(scheme: str, name: str, salt: bytes = b"") -> bytes:
    digest = hashlib.new(name, b"public" + salt).digest() + salt
    return b"{%b}%b" % (scheme.encode(), base64.b64encode(digest))


FORMS = [
    stored("MD5", "md5"),
    stored("sha", "sha1"),
    stored("SHA256", "sha256"),
    stored("SHA512", "sha512"),
    stored("SMD5", "md5", b"salt"),
    stored("SSHA", "sha1", b"salt"),
    stored("SSHA256", "sha256", b"saltsalt"),
    stored("ssha512", "sha512", b"s"),
]


@pytest.mark.parametrize("form", [*FORMS, *map(base64.b64encode, FORMS)])
def test_a_password_fits_its_hash_and_no_other_does(form: bytes) -> None:
    assert fits(form, b"public")
    assert not fits(form, b"Public")
    assert not fits(form, b"")


@pytest.mark.parametrize(
    "form",
    [
        b"public",
        b"",
        b"{SSHA}",
        b"{SSHA}###",
        b"{SSHA}" + base64.b64encode(b"short"),
        b"{CRYPT}$1$salt$digest",
        b"{MD5}" + base64.b64encode(hashlib.md5(b"public").digest() + b"more"),
        b"{SSHA}" + base64.b64encode(hashlib.sha1(b"public").digest()),
        b"\xff\xfe",
    ],
)
def test_what_is_no_hash_fits_nothing(form: bytes) -> None:
    assert not fits(form, b"public")
