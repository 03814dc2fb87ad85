"""What counts as a key, and what each is for."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.plugins.auth_jwt.jwks import keys_in
from app.plugins.auth_jwt.keys import KeyRefused, key_from_jwk, key_from_pem
from tests.harness.token_issuer import ISSUERS

ASYMMETRIC = [name for name in ISSUERS if not name.startswith("HS")]
SHORT = rsa.generate_private_key(65_537, 1024)
RSA = ISSUERS["RS256"]


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_key_is_the_same_from_a_file_and_from_a_set(algorithm: str) -> None:
    issuer = ISSUERS[algorithm]
    from_set = key_from_jwk(issuer.jwk("k1"))
    assert from_set.kid == "k1"
    assert from_set.algorithms == key_from_pem(issuer.pem).algorithms
    assert algorithm in from_set.algorithms


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no key",
        SHORT.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        SHORT.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_usable_public_key_is_refused(text: bytes) -> None:
    with pytest.raises(KeyRefused):
        key_from_pem(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"kid": None},
        {"kid": 7},
        {"alg": "HS256"},
        {"alg": "ES256"},
        {"alg": "none"},
        {"kty": "oct", "k": base64.urlsafe_b64encode(b"x" * 32).decode()},
        {"kty": "EC"},
        {"n": "AQAB"},
        {"n": 5},
        {"e": None},
        {"d": "AQAB"},
    ],
)
def test_what_a_set_does_not_publish_for_signatures_is_left_out(changes: dict[str, object]) -> None:
    listed = [{**RSA.jwk("bad"), **changes}, RSA.jwk("good"), "text", None]
    assert list(keys_in(json.dumps({"keys": listed}).encode())) == ["good"]


def test_a_key_that_names_its_algorithm_is_for_that_one_only() -> None:
    assert key_from_jwk(RSA.jwk("k", alg="PS256")).algorithms == ("PS256",)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": ' + b"[{}]" * 2])
def test_what_is_no_set_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="the answer is no"):
        keys_in(text)
