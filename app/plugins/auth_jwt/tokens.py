"""Tokens: whether a text is one, who signed it, and whether its time has come and not passed.

It knows neither clients nor where keys come from. Source: RFC 7519; EMQX 4.4 `emqx_auth_jwt_svr`: a text that is no
token is nobody's affair, one that does not hold is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from jwt.api_jws import PyJWS
from jwt.exceptions import DecodeError, PyJWTError
from jwt.types import SigOptions

from app.plugins.auth_jwt.keys import Key

Claims = Mapping[str, Any]
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_READER = PyJWS()
_ONLY_READ: SigOptions = {"verify_signature": False}


class NoToken(Exception):
    """The text is no token at all."""


class TokenRefused(Exception):
    """The token does not hold; the text says why, and shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it was read: nothing of it is to be believed before it was checked."""

    algorithm: object
    kid: str | None
    payload: bytes
    signed: bytes
    signature: bytes


def read_token(text: str) -> Token:
    """Take a token apart.

    Raises:
        NoToken: It is none.
        TokenRefused: It wants something of its reader that this one does not know.
    """
    try:
        parts = _READER.decode_complete(text, options=_ONLY_READ)
    except (DecodeError, UnicodeEncodeError):
        raise NoToken from None
    except PyJWTError:
        raise TokenRefused("its header is not understood") from None
    header = parts["header"]
    signed = text.rpartition(".")[0].encode()
    return Token(header.get("alg"), header.get("kid"), parts["payload"], signed, parts["signature"])


def claims_of(token: Token, keys: Iterable[Key], now_s: float, leeway_s: float) -> Claims:
    """Return what a token says, which is to be believed.

    Args:
        token: Which.
        keys: Those that may have signed it.
        now_s: The time, in seconds since 1970.
        leeway_s: By how much its maker's clock may differ.

    Raises:
        TokenRefused: None of them has, its time has passed or not come, or it says nothing.
    """
    if not any(_has_signed(key, token) for key in keys):
        raise TokenRefused("its signature does not fit")
    try:
        claims = orjson.loads(token.payload)
    except orjson.JSONDecodeError:
        claims = None
    if not isinstance(claims, dict):
        raise TokenRefused("it is no JSON object")
    if "exp" in claims and not now_s - leeway_s < _time(claims, "exp"):
        raise TokenRefused("it has expired")
    for name in ("iat", "nbf"):
        if name in claims and not _time(claims, name) <= now_s + leeway_s:
            raise TokenRefused(f"its {name} is still to come")
    return claims


def expiry_s(claims: Claims) -> float | None:
    """Return when claims that hold cease to, in seconds since 1970; None for never."""
    return _time(claims, "exp") if "exp" in claims else None


def _has_signed(key: Key, token: Token) -> bool:
    try:
        return key.fits(token.algorithm, token.signed, token.signature)
    except (PyJWTError, ValueError, TypeError):
        # A signature that is not even one of its algorithm.
        return False


def _time(claims: Claims, name: str) -> float:
    value = claims[name]
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        # EMQX takes numbers that were written as texts.
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise TokenRefused(f"its {name} is no time")
