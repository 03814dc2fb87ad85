"""Mosquitto's password hashes."""

from __future__ import annotations

import base64
import hashlib

import pytest

from app.plugins.auth_mnesia import mosquitto
from app.plugins.auth_mnesia.passwords import fits

SALT = base64.b64encode(b"saltsaltsalt").decode()
SIX = f"$6${SALT}${base64.b64encode(hashlib.sha512(b'pw' + b'saltsaltsalt').digest()).decode()}"


@pytest.mark.parametrize("stored", [SIX, mosquitto.stored_form(b"pw")])
def test_the_password_fits_and_no_other(stored: str) -> None:
    assert mosquitto.is_usable(stored)
    assert fits(stored, b"pw", "sha256")
    assert not fits(stored, b"PW", "sha256")
    assert not fits(stored, None, "sha256")


@pytest.mark.parametrize(
    "stored",
    [
        "", "$", "$6$", "$5$YQ==$YQ==", "$6$YQ==$YQ==", "$7$0$YQ==$YQ==", "$7$1001$YQ==$YQ==",
        "$7$-1$YQ==$YQ==", "$7$x$YQ==$YQ==", "$6$!$!", "$7$101$YQ==$YQ==$",
    ],
)  # fmt: skip
def test_what_is_damaged_or_dear_fits_nothing(stored: str) -> None:
    assert not mosquitto.is_usable(stored)
    assert not mosquitto.fits(stored, b"")
