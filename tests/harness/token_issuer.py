"""Somebody who signs tokens, one for each kind of key."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from app.plugins.auth_jwt.keys import Key, key_from_pem, secret_key

NOW_S = 1_700_000_000
SECRET = "a secret of thirty-two bytes or more"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Issuer:
    algorithm: str
    private: Any
    public: Key

    def token(self, claims: dict[str, Any], kid: str | None = None) -> str:
        headers = None if kid is None else {"kid": kid}
        return jwt.encode(claims, self.private, self.algorithm, headers=headers)

    @property
    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def public_texts(self) -> list[bytes]:
        """Return the forms in which the public key is known to everybody."""
        key = self.private.public_key()
        spki = PublicFormat.SubjectPublicKeyInfo
        return [self.pem, self.pem.strip(), key.public_bytes(Encoding.DER, spki)]

    def jwk(self, kid: str, **more: Any) -> dict[str, Any]:
        algorithm = get_default_algorithms()[self.algorithm]
        return {**json.loads(algorithm.to_jwk(self.private.public_key())), "kid": kid, **more}


def issuer(algorithm: str) -> Issuer:
    """Return a new one."""
    if algorithm.startswith("HS"):
        return Issuer(algorithm, SECRET, secret_key(SECRET))
    curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1}
    private: Any
    if algorithm in curves:
        private = ec.generate_private_key(curves[algorithm]())
    elif algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65_537, 2048)
    spki = PublicFormat.SubjectPublicKeyInfo
    return Issuer(
        algorithm, private, key_from_pem(private.public_key().public_bytes(Encoding.PEM, spki))
    )


ISSUERS = {name: issuer(name) for name in ("HS256", "RS256", "ES256", "ES384", "EdDSA")}
