"""Passwords as Mosquitto's password files keep them, for logins that were imported from there.

`$6$salt$digest` is SHA-512 of password and salt; `$7$iterations$salt$digest` is PBKDF2 with SHA-512. Both parts are
base64. Source: Mosquitto 2.0 `mosquitto_passwd`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

SIGN = "$"
"""What no hash of EMQX begins with, since those are base64."""
MAX_ITERATIONS = 1_000
"""About a millisecond of the loop for each login; Mosquitto's own are 101, and 1,000 from 2.1 on."""
_OWN_ITERATIONS = 101
_DIGEST_BYTES = 64


def stored_form(password: bytes) -> str:
    """Return what Mosquitto would keep of a password."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password, salt, _OWN_ITERATIONS)
    return f"$7${_OWN_ITERATIONS}${_text(salt)}${_text(digest)}"


def is_usable(stored: str) -> bool:
    """Tell whether a text is a hash that can be checked here."""
    try:
        return len(_parts(stored)[2]) == _DIGEST_BYTES
    except ValueError:
        return False


def fits(stored: str, password: bytes) -> bool:
    """Tell whether a password is the one that was stored; a damaged form fits none."""
    try:
        iterations, salt, digest = _parts(stored)
    except ValueError:
        return False
    if iterations:
        found = hashlib.pbkdf2_hmac("sha512", password, salt, iterations)
    else:
        found = hashlib.sha512(password + salt).digest()
    return hmac.compare_digest(found, digest)


def _parts(stored: str) -> tuple[int, bytes, bytes]:
    """Return iterations (0 for the form without), salt and digest.

    Raises:
        ValueError: It is no such hash, or takes too long to check.
    """
    match stored.split(SIGN):
        case ["", "6", salt, digest]:
            iterations = 0
        case ["", "7", count, salt, digest]:
            iterations = int(count)
            if not 1 <= iterations <= MAX_ITERATIONS:
                raise ValueError(count)
        case _:
            raise ValueError
    try:
        return (
            iterations,
            base64.b64decode(salt, validate=True),
            base64.b64decode(digest, validate=True),
        )
    except binascii.Error as error:
        raise ValueError from error


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
