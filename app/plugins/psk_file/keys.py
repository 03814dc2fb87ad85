"""The file of pre-shared keys: one line for each client, identity and key.

Source: EMQX 4.4 `emqx_psk_file`. A line that is none ends EMQX's reading; here the file is refused, with the line's
number and without its text.
"""

from __future__ import annotations

MAX_IDENTITY_BYTES = 128
MAX_KEY_BYTES = 256
"""What every OpenSSL takes."""


class KeyFileError(ValueError):
    """The file cannot be used; one sentence with the number of a line."""


def parse_keys(text: str, delimiter: str) -> dict[str, bytes]:
    """Return keys by identity; empty lines are none.

    Args:
        text: Of the file.
        delimiter: What ends the identity in each line.

    Raises:
        KeyFileError: A line is no identity with a key, or speaks of one that was there before.
    """
    keys: dict[str, bytes] = {}
    for number, ended in enumerate(text.split("\n"), 1):
        line = ended.removesuffix("\r")
        if not line:
            continue
        identity, found, key = line.partition(delimiter)
        if not (identity and found and key) or "\0" in line:
            raise KeyFileError(f"line {number} must be an identity, {delimiter!r} and a key")
        if len(identity.encode()) > MAX_IDENTITY_BYTES:
            raise KeyFileError(f"the identity in line {number} has over {MAX_IDENTITY_BYTES} bytes")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise KeyFileError(f"the key in line {number} has over {MAX_KEY_BYTES} bytes")
        if identity in keys:
            raise KeyFileError(f"the identity in line {number} has a key already")
        keys[identity] = key.encode()
    return keys
