"""EMQX's `password_hash`: the words that say how other people's databases keep passwords. It hashes nothing itself.

Source: EMQX 4.4 `emqx_passwd`; bcrypt without a salt beside it and argon2 are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.config.kinds import Kind

DIGESTS = {"md5": "md5", "sha": "sha1", "sha256": "sha256", "sha512": "sha512"}
"""EMQX's words, and Python's."""
MACS = {**DIGESTS, "sha224": "sha224", "sha384": "sha384"}
"""What pbkdf2 can be told to use."""
MAX_ITERATIONS = 10_000_000
MAX_LENGTH = 1024
FORMS = (
    "plain, md5, sha, sha256 or sha512, with a salt in front `salt,sha256` or behind `sha256,salt`; `salt,bcrypt` or "
    "bcrypt; `pbkdf2,MACFUN,ITERATIONS,DKLEN` such as pbkdf2,sha256,1000,20; or argon2"
)


@dataclass(frozen=True, slots=True)
class HashForm:
    """How passwords are hashed."""

    name: str
    """plain, bcrypt, argon2, pbkdf2, or one of `DIGESTS`."""
    salt: str = ""
    """`before` or `after`, where a digest is of password and salt."""
    macfun: str = "sha256"
    iterations: int = 0
    length: int = 0
    """Bytes that pbkdf2 makes."""


def _hash_form(text: str) -> HashForm:
    match [part.strip() for part in text.lower().split(",")]:
        case ["plain" | "bcrypt" | "argon2" as name] | ["salt", "bcrypt" as name]:
            return HashForm(name)
        case [name] if name in DIGESTS:
            return HashForm(name)
        case ["salt", name] if name in DIGESTS:
            return HashForm(name, "before")
        case [name, "salt"] if name in DIGESTS:
            return HashForm(name, "after")
        case ["pbkdf2", macfun, iterations, length] if macfun in MACS:
            made = HashForm("pbkdf2", "", macfun, int(iterations), int(length))
            if 1 <= made.iterations <= MAX_ITERATIONS and 1 <= made.length <= MAX_LENGTH:
                return made
    raise ValueError


hash_form = Kind("a password hash", FORMS, _hash_form)
