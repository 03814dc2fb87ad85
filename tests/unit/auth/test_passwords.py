"""Every form of a password that EMQX's plugins know, and argon2."""

from __future__ import annotations

import asyncio
import hashlib
import threading

import argon2
import bcrypt
import pytest

from app.auth.passwords import PasswordHash, parse_hash

PASSWORD = b"public"
SALT = "salt"


def digest(name: str, text: bytes) -> str:
    return hashlib.new(name, text).hexdigest()


BCRYPT = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4)).decode()
ARGON2 = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
FORMS = [
    ("plain", "public", None),
    ("md5", digest("md5", PASSWORD), None),
    ("sha", digest("sha1", PASSWORD), None),
    ("sha256", digest("sha256", PASSWORD), None),
    ("sha512", digest("sha512", PASSWORD), None),
    ("salt,sha256", digest("sha256", b"saltpublic"), SALT),
    ("sha256,salt", digest("sha256", b"publicsalt"), SALT),
    ("salt,md5", digest("md5", b"saltpublic"), SALT),
    ("sha,salt", digest("sha1", b"publicsalt"), SALT),
    (
        "pbkdf2,sha256,1000,20",
        hashlib.pbkdf2_hmac("sha256", PASSWORD, b"salt", 1000, 20).hex(),
        SALT,
    ),
    ("salt,bcrypt", BCRYPT, BCRYPT[:29]),
    ("bcrypt", BCRYPT, None),
    ("argon2", ARGON2, None),
]


@pytest.mark.parametrize(("form", "stored", "salt"), FORMS, ids=[form for form, *_ in FORMS])
def test_every_form_knows_its_password_and_no_other(
    form: str, stored: str, salt: str | None
) -> None:
    hashing = parse_hash(form)
    assert asyncio.run(hashing.check(PASSWORD, stored, salt))
    assert not asyncio.run(hashing.check(b"Public", stored, salt))
    assert not asyncio.run(hashing.check(b"", stored, salt))
    assert not asyncio.run(hashing.check(None, stored, salt))


@pytest.mark.parametrize(("form", "stored", "salt"), FORMS, ids=[form for form, *_ in FORMS])
def test_a_damaged_or_missing_hash_fits_no_password(
    form: str, stored: str, salt: str | None
) -> None:
    hashing = parse_hash(form)
    for damaged in (None, "", stored[:-1], stored + "0", "$2b$04$x", "$argon2id$v=19$"):
        assert not hashing.fits(PASSWORD, damaged, salt)


def test_a_salted_form_without_its_salt_fits_nothing() -> None:
    assert not parse_hash("salt,sha256").fits(PASSWORD, digest("sha256", PASSWORD), None)
    assert not parse_hash("pbkdf2,sha256,1,20").fits(PASSWORD, "00", None)


def test_a_bcrypt_salt_that_is_not_the_hash_s_own_fits_nothing() -> None:
    other = bcrypt.gensalt(4).decode()
    assert not parse_hash("salt,bcrypt").fits(PASSWORD, BCRYPT, other)


def test_hashes_that_would_keep_a_thread_for_hours_are_refused() -> None:
    assert not parse_hash("bcrypt").fits(PASSWORD, BCRYPT.replace("$04$", "$31$"), None)
    greedy = ARGON2.replace("m=64", "m=99999999")
    assert not parse_hash("argon2").fits(PASSWORD, greedy, None)


def test_bcrypt_looks_at_72_bytes_as_it_does_everywhere() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert parse_hash("bcrypt").fits(b"x" * 100, stored, None)


def test_a_password_that_is_no_text_can_be_checked() -> None:
    odd = b"\xff\x00"
    assert parse_hash("sha256").fits(odd, digest("sha256", odd), None)
    assert not parse_hash("plain").fits(odd, "ÿ", None)


def test_slow_hashes_are_worked_out_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def fits(*_: object) -> bool:
        seen.append(threading.current_thread().name)
        return True

    monkeypatch.setattr(PasswordHash, "fits", fits)
    asyncio.run(parse_hash("bcrypt").check(PASSWORD, BCRYPT, None))
    asyncio.run(parse_hash("sha256").check(PASSWORD, "x", None))
    assert seen[0].startswith("password-hash")
    assert seen[1] == threading.current_thread().name


@pytest.mark.parametrize(
    "text",
    ["", "sha3", "salt", "salt,plain", "plain,salt", "bcrypt,salt", "pbkdf2", "pbkdf2,sha256,0,20",
     "pbkdf2,sha256,1000", "pbkdf2,crc,1000,20", "pbkdf2,sha256,x,20", "salt,sha256,salt"],
)  # fmt: skip
def test_other_words_are_no_password_hash(text: str) -> None:
    with pytest.raises(ValueError):
        parse_hash(text)


def test_blanks_and_capitals_do_not_matter() -> None:
    assert parse_hash("Salt, SHA256") == parse_hash("salt,sha256")
