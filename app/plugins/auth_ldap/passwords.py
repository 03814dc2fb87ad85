"""Values of `userPassword` as directories keep them: a scheme in braces, and the base64 of digest and salt (RFC 2307).

EMQX takes {MD5}, {SHA}, {SHA256}, {SHA512} and {SSHA}, and each of them in base64 once more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

_FORM = re.compile(rb"\{([A-Za-z0-9-]+)\}(.*)", re.DOTALL)
_DIGESTS = {
    "md5": "md5",
    "sha": "sha1",
    "sha1": "sha1",
    "sha224": "sha224",
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
}
_SALTED = {
    "smd5": "md5",
    "ssha": "sha1",
    "ssha224": "sha224",
    "ssha256": "sha256",
    "ssha384": "sha384",
    "ssha512": "sha512",
}


def fits(stored: bytes, password: bytes) -> bool:
    """Tell whether a password is the one that is stored; plain ones and unknown schemes fit none."""
    form = _FORM.fullmatch(stored) or _FORM.fullmatch(_unbase64(stored))
    if form is None:
        return False
    scheme, kept = form[1].decode().lower(), _unbase64(form[2])
    name = _DIGESTS.get(scheme) or _SALTED.get(scheme)
    if name is None:
        return False
    size = hashlib.new(name, usedforsecurity=False).digest_size
    salt = kept[size:]
    if len(kept) < size or bool(salt) != (scheme in _SALTED):
        return False
    made = hashlib.new(name, password + salt, usedforsecurity=False).digest()
    return hmac.compare_digest(made, kept[:size])


def _unbase64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
