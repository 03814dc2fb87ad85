"""Passwords in the forms in which other people's databases keep them: EMQX's `password_hash`, and argon2 for new ones.

Digests are lower-case hexadecimal text. What takes long by design (pbkdf2, bcrypt, argon2) is worked out in threads of
its own, never on the loop. All comparisons take the same time wherever texts differ.

Source: EMQX 4.4 `emqx_passwd`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import argon2
import bcrypt

from app.config.password_hash import DIGESTS, MACS, HashForm, hash_form

MAX_BCRYPT_COST = 16
"""A few seconds of one thread; every step more is twice as long."""
MAX_ARGON2_KIB = 1024 * 1024
THREADS = 4

_BCRYPT = re.compile(r"\$2[abxy]?\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
"""bcrypt looks at no more of a password."""
_threads = ThreadPoolExecutor(THREADS, "password-hash")
_argon2 = argon2.PasswordHasher()


@dataclass(frozen=True, slots=True)
class PasswordHash(HashForm):
    """How passwords are hashed, and the work itself."""

    @classmethod
    def of(cls, form: HashForm) -> PasswordHash:
        """Return what does the work of a form."""
        return cls(form.name, form.salt, form.macfun, form.iterations, form.length)

    @property
    def is_slow(self) -> bool:
        """Tell whether it takes so long that the loop must not do it."""
        return self.name in ("pbkdf2", "bcrypt", "argon2")

    @property
    def needs_salt(self) -> bool:
        """Tell whether whoever keeps the hash must keep a salt beside it."""
        return bool(self.salt) or self.name == "pbkdf2"

    async def check(self, password: bytes | None, stored: str | None, salt: str | None) -> bool:
        """Tell whether a password is the one that is stored, without keeping the loop.

        Args:
            password: As the client sent it; none fits nothing.
            stored: The hash; a damaged one fits nothing.
            salt: What is kept beside it.
        """
        if not self.is_slow:
            return self.fits(password, stored, salt)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads, self.fits, password, stored, salt)

    def fits(self, password: bytes | None, stored: str | None, salt: str | None) -> bool:
        """Tell the same, and take the time that it takes."""
        if password is None or not stored or (self.needs_salt and salt is None):
            return False
        match self.name:
            case "bcrypt":
                return _fits_bcrypt(password, stored, salt)
            case "argon2":
                return _fits_argon2(password, stored)
            case _:
                made = self._made_of(password, (salt or "").encode())
                return hmac.compare_digest(made, stored.encode())

    def _made_of(self, password: bytes, salt: bytes) -> bytes:
        if self.name == "plain":
            return password
        if self.name == "pbkdf2":
            macfun = MACS[self.macfun]
            made = hashlib.pbkdf2_hmac(macfun, password, salt, self.iterations, self.length)
            return made.hex().encode()
        salted = {"": password, "before": salt + password, "after": password + salt}[self.salt]
        return hashlib.new(DIGESTS[self.name], salted, usedforsecurity=False).hexdigest().encode()


def _fits_bcrypt(password: bytes, stored: str, salt: str | None) -> bool:
    form = _BCRYPT.fullmatch(stored)
    if form is None or int(form[1]) > MAX_BCRYPT_COST:
        return False
    if salt and not stored.startswith(salt):
        return False
    try:
        return bcrypt.checkpw(password[:_BCRYPT_BYTES], stored.encode())
    except ValueError:
        return False


def _fits_argon2(password: bytes, stored: str) -> bool:
    try:
        if argon2.extract_parameters(stored).memory_cost > MAX_ARGON2_KIB:
            return False
        return _argon2.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def parse_hash(text: str) -> PasswordHash:
    """Return what a value of `password_hash` says.

    Raises:
        ValueError: It is none of the forms.
    """
    return PasswordHash.of(hash_form(text))
