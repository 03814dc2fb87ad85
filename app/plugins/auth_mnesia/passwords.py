"""Passwords in the form in which EMQX's internal database keeps them.

The base64 of four bytes of salt and the lower-case hexadecimal digest of salt and password; with `plain`, of salt and
the password itself. A digest without salt, as older exports have it, is recognised by its length, and a hash of
Mosquitto's by its first character.

Source: EMQX 4.4 `emqx_auth_mnesia_cli`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from app.plugins.auth_mnesia import mosquitto

SALT_BYTES = 4
PLAIN = "plain"
_HASHES = {"md5": hashlib.md5, "sha": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}  # fmt: skip


def stored_form(password: bytes, algorithm: str) -> str:
    """Return what is kept of a password.

    Args:
        password: As the client will send it.
        algorithm: One of `app.config.extensions.PASSWORD_HASHES`.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    return base64.b64encode(salt + _digest(salt + password, salt, algorithm)).decode("ascii")


def fits(stored: str, password: bytes | None, algorithm: str) -> bool:
    """Tell whether a password is the one that was stored; a damaged form fits none."""
    if password is None:
        return False
    if stored.startswith(mosquitto.SIGN):
        return mosquitto.fits(stored, password)
    try:
        kept = base64.b64decode(stored, validate=True)
    except (binascii.Error, ValueError):
        return False
    salt, digest = kept[:SALT_BYTES], kept[SALT_BYTES:]
    if algorithm != PLAIN and len(kept) == _HASHES[algorithm]().digest_size * 2:
        salt, digest = b"", kept
    return hmac.compare_digest(digest, _digest(salt + password, salt, algorithm))


def _digest(salted: bytes, salt: bytes, algorithm: str) -> bytes:
    if algorithm == PLAIN:
        return salted[len(salt) :]
    return _HASHES[algorithm](salted).hexdigest().encode("ascii")
