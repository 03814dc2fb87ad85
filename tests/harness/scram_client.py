"""The client's half of SCRAM, written from RFC 5802 alone, and a store in memory for the server's."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Any

from app.broker.hooks import Stop
from app.broker.scram import HASHES, Scram, ScramCredentials, derive


class MemoryStore:
    """Users of one method, with few iterations so that tests are quick."""

    def __init__(self, name: str, **passwords: str) -> None:
        self.users: dict[str, ScramCredentials] = {
            user: derive(name, password, user.encode().ljust(16, b"."), 64)
            for user, password in passwords.items()
        }

    def find(self, username: str) -> ScramCredentials | None:
        return self.users.get(username)


def offer(scram: Scram) -> Any:
    """Return a callback of `client.enhanced_authenticate` that offers one method."""
    return lambda _client, name, _found: Stop(scram.exchange()) if name == scram.name else None


class ScramClient:
    """One authentication from the client's side."""

    def __init__(
        self, name: str, username: str, password: str, nonce: str = "rOprNGfwEbeRWgbNEkqO"
    ) -> None:
        self.algorithm = HASHES[name]
        self.password = password
        self.bare = f"n={username.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        self.salted = b""
        self.text = b""

    def first(self) -> bytes:
        return b"n,," + self.bare.encode()

    def final(self, server_first: bytes) -> bytes:
        fields = dict(field.split("=", 1) for field in server_first.decode().split(","))
        unproved = f"c=biws,r={fields['r']}"
        self.salted = hashlib.pbkdf2_hmac(
            self.algorithm, self.password.encode(), b64decode(fields["s"]), int(fields["i"])
        )
        self.text = b",".join((self.bare.encode(), server_first, unproved.encode()))
        client_key = self._hmac(self.salted, b"Client Key")
        signature = self._hmac(hashlib.new(self.algorithm, client_key).digest(), self.text)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{unproved},p={b64encode(proof).decode()}".encode()

    def trusts(self, server_final: bytes | None) -> bool:
        """Tell whether the server knows the user too."""
        expected = self._hmac(self._hmac(self.salted, b"Server Key"), self.text)
        return server_final == b"v=" + b64encode(expected)

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, self.algorithm).digest()
