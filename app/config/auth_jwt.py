"""Parameters of emqx_auth_jwt. Source: EMQX 4.4 `emqx_auth_jwt.conf`; `leeway` is ours."""

from __future__ import annotations

from app.config.kinds import any_text, between, choice, duration, flag, http_url, word
from app.config.table import Setting

JWT_SECRET = Setting(
    "auth.jwt.secret",
    any_text,
    "",
    "Secret of tokens that are signed with HMAC; empty takes none of them. Make it 32 random bytes or more: whoever "
    "guesses it can be anybody.",
    secret=True,
)
JWT_PUBKEY = Setting(
    "auth.jwt.pubkey",
    any_text,
    "",
    "File with the public key, RSA, ECDSA or Ed25519, as PEM, of tokens that are signed with the private one.",
)
JWT_JWKS = Setting(
    "auth.jwt.jwks",
    http_url,
    "",
    "Where the public keys of tokens that name their key (`kid`) are to be had, as a JWK Set.",
)
JWT_JWKS_REFRESH = Setting(
    "auth.jwt.jwks.refresh_interval",
    between(duration, "1s", "1d"),
    "5m",
    "How often they are looked up again; an unknown key is looked up at once, every ten seconds at most.",
)
JWT_FROM = Setting(
    "auth.jwt.from",
    choice("username", "password"),
    "password",
    "Where in CONNECT the token is.",
)
JWT_VERIFY_CLAIMS = Setting(
    "auth.jwt.verify_claims",
    flag,
    "off",
    "Whether the claims of `auth.jwt.verify_claims.NAME` are compared.",
)
JWT_CLAIM = Setting(
    f"{JWT_VERIFY_CLAIMS.key}.$name",
    any_text,
    "",
    "The text that this claim must be; `%u` and `%c` stand for user name and client id.",
)
JWT_ACL_CLAIM_NAME = Setting(
    "auth.jwt.acl_claim_name",
    word,
    "acl",
    'The claim with what the client may do: `{"pub": [...], "sub": [...], "all": [...]}`, topic filters with levels '
    "`%u` and `%c`. What is not in it is denied, and everything when the token has expired.",
)
JWT_LEEWAY = Setting(
    "auth.jwt.leeway",
    between(duration, "0s", "10m"),
    "0s",
    "By how much the clock of whoever made a token may differ: for `exp`, `nbf` and `iat`.",
)

JWT_ROWS = (
    JWT_SECRET,
    JWT_PUBKEY,
    JWT_JWKS,
    JWT_JWKS_REFRESH,
    JWT_FROM,
    JWT_VERIFY_CLAIMS,
    JWT_CLAIM,
    JWT_ACL_CLAIM_NAME,
    JWT_LEEWAY,
)
