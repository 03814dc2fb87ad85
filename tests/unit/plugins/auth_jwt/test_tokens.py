"""Which tokens hold: signatures, algorithms, times, and every way to change one that was good."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plugins.auth_jwt.keys import Key, secret_key
from app.plugins.auth_jwt.tokens import NoToken, TokenRefused, claims_of, read_token
from tests.harness.token_issuer import ISSUERS, NOW_S, SECRET, encoded

CLAIMS = {"username": "meter", "exp": NOW_S + 60}
KEYS = tuple(issuer.public for issuer in ISSUERS.values())
TEXTS = st.binary(max_size=40).map(encoded)


def claims(text: str, keys: tuple[Key, ...] = KEYS, leeway_s: float = 0) -> Any:
    return claims_of(read_token(text), keys, NOW_S, leeway_s)


def is_refused(text: str, keys: tuple[Key, ...] = KEYS) -> bool:
    try:
        claims(text, keys)
    except (NoToken, TokenRefused):
        return True
    return False


@pytest.mark.parametrize("algorithm", ISSUERS)
def test_a_token_holds_by_its_own_key_and_by_no_other(algorithm: str) -> None:
    issuer = ISSUERS[algorithm]
    text = issuer.token(CLAIMS)
    assert claims(text) == CLAIMS
    assert claims(text, (issuer.public,)) == CLAIMS
    others = tuple(key for key in KEYS if key is not issuer.public)
    assert is_refused(text, others)


@pytest.mark.parametrize("algorithm", ISSUERS)
@given(data=st.data())
def test_a_token_that_was_changed_never_passes(algorithm: str, data: st.DataObject) -> None:
    text = ISSUERS[algorithm].token(CLAIMS)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
    if letter != text[place]:
        assert is_refused(text[:place] + letter + text[place + 1 :])
    assert is_refused(text[:place])
    assert is_refused(text[place + 1 :])
    header, payload, signature = text.split(".")
    other = encoded(json.dumps(data.draw(st.dictionaries(st.text(), st.integers()))).encode())
    assert other == payload or is_refused(f"{header}.{other}.{signature}")
    assert is_refused(f"{header}.{payload}.{data.draw(TEXTS)}")


@given(st.text(max_size=60) | st.tuples(TEXTS, TEXTS, TEXTS).map(".".join))
def test_no_text_whatever_passes_or_does_harm(text: str) -> None:
    if text.isascii():
        assert is_refused(text)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 1, ["HS256"]])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_nobody_comes_in_without_a_signature(algorithm: object, signature: str) -> None:
    header = encoded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    payload = encoded(json.dumps(CLAIMS).encode())
    assert is_refused(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_a_public_key_is_no_secret(algorithm: str, digest: str) -> None:
    """The classic: whoever knows the public key signs with it as if it were the secret of an HMAC."""
    header = encoded(json.dumps({"alg": f"HS{digest[3:]}"}).encode())
    signed = f"{header}.{encoded(json.dumps(CLAIMS).encode())}"
    for known in ISSUERS[algorithm].public_texts():
        signature = hmac.new(known, signed.encode(), getattr(hashlib, digest)).digest()
        assert is_refused(f"{signed}.{encoded(signature)}")


def test_a_key_is_for_the_algorithms_of_its_kind_only() -> None:
    text = jwt.encode(CLAIMS, ISSUERS["RS256"].private, "PS384")
    assert claims(text) == CLAIMS
    curve = ISSUERS["ES256"]
    header, payload, signature = curve.token(CLAIMS).split(".")
    for other in ("ES384", "RS256", "HS256", "EdDSA"):
        changed = encoded(json.dumps({"alg": other, "typ": "JWT"}).encode())
        assert is_refused(f"{changed}.{payload}.{signature}")
    assert not is_refused(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize(
    ("times", "holds"),
    [
        ({}, True),
        ({"exp": NOW_S + 1}, True),
        ({"exp": NOW_S}, False),
        ({"exp": str(NOW_S + 1)}, True),
        ({"exp": str(NOW_S - 1)}, False),
        ({"exp": NOW_S + 0.5, "nbf": NOW_S - 0.5, "iat": NOW_S}, True),
        ({"nbf": NOW_S + 1}, False),
        ({"iat": NOW_S + 1}, False),
        ({"exp": None}, False),
        ({"exp": True}, False),
        ({"exp": "soon"}, False),
        ({"exp": "1e99"}, False),
        ({"exp": [NOW_S + 1]}, False),
        ({"nbf": "then"}, False),
    ],
)
def test_a_token_holds_in_its_time(times: dict[str, Any], holds: bool) -> None:
    text = ISSUERS["HS256"].token(times)
    assert is_refused(text) is not holds


def test_the_leeway_is_for_clocks_that_differ() -> None:
    late = ISSUERS["HS256"].token({"exp": NOW_S - 4})
    early = ISSUERS["HS256"].token({"nbf": NOW_S + 5, "iat": NOW_S + 5})
    assert claims(late, leeway_s=5) and claims(early, leeway_s=5)
    with pytest.raises(TokenRefused, match="it has expired"):
        claims(late, leeway_s=4)
    with pytest.raises(TokenRefused, match="iat is still to come"):
        claims(early, leeway_s=4)


@pytest.mark.parametrize("payload", [b"[]", b'"text"', b"{", b"\xff", b"", b'{"exp": NaN}'])
def test_what_is_signed_must_be_an_object(payload: bytes) -> None:
    header = encoded(b'{"alg":"HS256"}')
    signed = f"{header}.{encoded(payload)}"
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    with pytest.raises(TokenRefused, match="no JSON object"):
        claims(f"{signed}.{encoded(signature)}", (secret_key(SECRET),))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "HS256", "crit": ["exp"], "exp": 1},
        {"alg": "HS256", "crit": []},
        {"alg": "HS256", "kid": 7},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
    ],
)
def test_a_header_that_asks_for_what_we_do_not_know_is_refused(header: dict[str, Any]) -> None:
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(CLAIMS).encode())}"
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    assert is_refused(f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")
