"""Hashes, in lower-case hexadecimal digits. They tell texts apart; nothing is kept secret with them."""

from __future__ import annotations

import hashlib

from app.rules.functions.function import BINARY, Function
from app.rules.terms.values import bytes_of


def _hash(name: str) -> Function:
    def digest(value: str | bytes) -> str:
        return hashlib.new(name, bytes_of(value), usedforsecurity=False).hexdigest()

    return Function(digest, (BINARY,))


FUNCTIONS = {"md5": _hash("md5"), "sha": _hash("sha1"), "sha256": _hash("sha256")}
