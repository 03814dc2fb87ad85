"""How dashboard passwords are kept: Argon2's own text, or the salted MD5 of an imported EMQX until the next login.

Pure functions over texts; who has which password is none of their business.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

EMQX_PREFIX = "emqx:"
"""Stands before the base64 of 4 bytes of salt and the 16 bytes of MD5 over salt and password."""
_SALT_BYTES = 4
# OWASP's second choice: 19 MB and two passes, some 20 ms of a core. Requests after the first are answered from memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODYS_HASH = _hasher.hash("")
"""Looked at where there is no such user, so that a name that exists takes no longer to refuse."""


def hash_password(password: str) -> str:
    """Return what to keep of a password."""
    return _hasher.hash(_bytes(password))


def fits(kept: str, password: str) -> bool:
    """Tell whether this is the password that was kept."""
    if kept.startswith(EMQX_PREFIX):
        raw = base64.b64decode(kept.removeprefix(EMQX_PREFIX))
        salt, digest = raw[:_SALT_BYTES], raw[_SALT_BYTES:]
        # EMQX's own form, which the next login replaces.
        found = hashlib.md5(salt + _bytes(password), usedforsecurity=False).digest()
        return hmac.compare_digest(digest, found)
    try:
        return _hasher.verify(kept, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Tell whether the next login should keep the password in a better form."""
    return kept.startswith(EMQX_PREFIX) or _hasher.check_needs_rehash(kept)


def _bytes(password: str) -> bytes:
    # A client may send bytes that are no text; as a password they are as good as any.
    return password.encode("utf-8", "surrogatepass")
