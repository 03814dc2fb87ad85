"""Secrets within values that people look at and send back: hidden from every reader, kept where the mask comes back.

It knows names of members, not whose they are; the audit log asks here what to hide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "******"
"""What is shown of a secret; sent back, it leaves the secret as it is."""
_NAME = re.compile(
    r"secret|passw|pwd|token|private_?key|api_?key|credential|cookie|authorization|seed$|^keyfile$",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"(?<=://)([^/@:]*):([^/@]*)@")
"""User and password within a URL."""


def masked(value: Any) -> Any:
    """Return a value in JSON's types with its secrets hidden; an empty one is none."""
    if isinstance(value, Mapping):
        return {
            name: MASK if item and is_secret(str(name)) else masked(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return masked_text(value) if isinstance(value, str) else value


def is_secret(name: str) -> bool:
    """Tell whether a member sounds like a secret."""
    return _NAME.search(name) is not None


def masked_text(text: str) -> str:
    """Return a text with the passwords of the addresses in it hidden."""
    return _IN_ADDRESS.sub(lambda found: f"{found[1]}:{MASK}@", text)


def unmasked(given: Any, kept: Any) -> Any:
    """Return what is given, with what is kept wherever it is still as `masked` showed it."""
    return _unmasked(given, kept, masked(kept))


def _unmasked(given: Any, kept: Any, shown: Any) -> Any:
    if given == shown:
        return kept
    if isinstance(given, Mapping) and isinstance(shown, Mapping):
        return {
            name: _unmasked(item, kept[name], shown[name]) if name in kept else item
            for name, item in given.items()
        }
    if isinstance(given, list) and isinstance(shown, list):
        known = [_unmasked(*one) for one in zip(given, kept, shown, strict=False)]
        return [*known, *given[len(known) :]]
    return given
