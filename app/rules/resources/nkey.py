"""NKeys: how a NATS server knows whom it speaks to by a signature, and never sees the key.

A seed is Base32 of two bytes of prefix, an Ed25519 seed and a CRC-16; a public key has one byte of prefix.

Source: github.com/nats-io/nkeys, `strkey.go` and `crc16.go`.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED = 18 << 3
_USER = 20 << 3
_SEED_LENGTH = 36
_CRC_LENGTH = 2


class Nkey:
    """The key of one user."""

    def __init__(self, seed: str) -> None:
        """Read a seed, as `nk -gen user` writes it.

        Raises:
            ValueError: It is none; the text shows nothing of it.
        """
        try:
            raw = base64.b32decode(seed.strip() + "=" * (-len(seed.strip()) % 8))
        except ValueError:
            raise ValueError("not Base32") from None
        body, check = raw[:-_CRC_LENGTH], raw[-_CRC_LENGTH:]
        if len(raw) != _SEED_LENGTH or _crc(body) != check:
            raise ValueError("not a seed")
        if body[0] & 0xF8 != _SEED or (body[0] & 7) << 5 | body[1] >> 3 != _USER:
            raise ValueError("not the seed of a user")
        self._key = Ed25519PrivateKey.from_private_bytes(body[2:])

    @property
    def public(self) -> str:
        """Return the public key, as servers list it."""
        body = bytes([_USER]) + self._key.public_key().public_bytes_raw()
        return base64.b32encode(body + _crc(body)).decode().rstrip("=")

    def sign(self, nonce: str) -> str:
        """Return the signature that a server asks for."""
        return base64.urlsafe_b64encode(self._key.sign(nonce.encode())).decode().rstrip("=")


def _crc(data: bytes) -> bytes:
    return binascii.crc_hqx(data, 0).to_bytes(2, "little")
