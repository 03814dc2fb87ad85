"""Keys that tokens are checked with; each is bound to the algorithms that belong to its kind.

That is what keeps `none` out, and a public key from being taken for the secret of an HMAC: a token chooses among the
algorithms of a key, never a key's use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from jwt.algorithms import Algorithm, get_default_algorithms
from jwt.exceptions import PyJWTError

HMAC = ("HS256", "HS384", "HS512")
RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512", "secp256k1": "ES256K"}
EDWARDS = ("EdDSA",)
MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""
RECOMMENDED_SECRET_BYTES = 32
"""RFC 7518, section 3.2, for HS256."""
CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_ALGORITHMS: Mapping[str, Algorithm] = get_default_algorithms()
_JWK_READERS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
"""By type of key, an algorithm that reads it. There is no row for secrets: nobody publishes those."""


class KeyRefused(Exception):
    """What is no key, or none that can be used; the text says why, and shows nothing of it."""


class KeysUnavailable(Exception):
    """Whether there is such a key cannot be found out now."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, ready for use."""

    material: Any
    algorithms: tuple[str, ...]
    kid: str | None = None

    def fits(self, algorithm: object, signed: bytes, signature: bytes) -> bool:
        """Tell whether a signature was made with this key, by an algorithm that it is for."""
        if algorithm not in self.algorithms:
            return False
        return _ALGORITHMS[str(algorithm)].verify(signed, self.material, signature)


def secret_key(secret: str) -> Key:
    """Return the key of tokens that are signed with HMAC."""
    return Key(secret.encode(), HMAC)


def key_from_pem(text: bytes) -> Key:
    """Return the public key of a PEM file, which may also be a certificate.

    Raises:
        KeyRefused: It is none, or none that can be used.
    """
    try:
        if CERTIFICATE in text:
            material: Any = load_pem_x509_certificate(text).public_key()
        else:
            material = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused("it is no public key in PEM") from None
    return Key(material, _algorithms_of(material))


def key_from_jwk(jwk: Mapping[str, Any]) -> Key:
    """Return a key of a JWK Set.

    Raises:
        KeyRefused: It is none, none that can be used, or not for signatures.
    """
    kid = jwk.get("kid")
    if jwk.get("use", "sig") != "sig":
        raise KeyRefused("it is not for signatures")
    reader = _JWK_READERS.get(str(jwk.get("kty")))
    if reader is None or "d" in jwk or not isinstance(kid, str):
        raise KeyRefused("it is no public key with a kid")
    try:
        material = _ALGORITHMS[reader].from_jwk(dict(jwk))
    except (PyJWTError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
        raise KeyRefused("it cannot be read") from None
    except UnsupportedAlgorithm:
        raise KeyRefused("its kind is not supported") from None
    algorithms = _algorithms_of(material)
    named = jwk.get("alg")
    if named is not None:
        algorithms = tuple(one for one in algorithms if one == named)
    if not algorithms:
        raise KeyRefused("its algorithm is not one of its kind")
    return Key(material, algorithms, kid)


def _algorithms_of(material: Any) -> tuple[str, ...]:
    if isinstance(material, RSAPublicKey):
        if material.key_size < MIN_RSA_BITS:
            raise KeyRefused(f"an RSA key has {MIN_RSA_BITS} bits or more")
        return RSA
    if isinstance(material, EllipticCurvePublicKey) and material.curve.name in CURVES:
        return (CURVES[material.curve.name],)
    if isinstance(material, Ed25519PublicKey):
        return EDWARDS
    raise KeyRefused("it is neither RSA nor ECDSA nor Ed25519")
