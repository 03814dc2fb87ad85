"""The plugin: its place in the authentication chain and among the access rules.

Source: EMQX 4.4 `emqx_auth_jwt`: who brings no token, or one by a key that is not ours, is left to the next; a token
that does not hold is refused. A token that names its key is checked with the keys of `auth.jwt.jwks`, where there is
one, any other with secret and public key.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.auth.metrics import AuthCounters
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Stop
from app.broker.reasons import because
from app.config.auth_jwt import (
    JWT_ACL_CLAIM_NAME,
    JWT_CLAIM,
    JWT_FROM,
    JWT_JWKS,
    JWT_JWKS_REFRESH,
    JWT_LEEWAY,
    JWT_PUBKEY,
    JWT_ROWS,
    JWT_SECRET,
    JWT_VERIFY_CLAIMS,
)
from app.mqtt.reason_codes import ReasonCode
from app.plugins.auth_jwt.claims import are_of, grant_of
from app.plugins.auth_jwt.grants import Grants
from app.plugins.auth_jwt.keys import (
    RECOMMENDED_SECRET_BYTES,
    Key,
    KeyRefused,
    KeysUnavailable,
    key_from_pem,
    secret_key,
)
from app.plugins.auth_jwt.tokens import (
    NoToken,
    Token,
    TokenRefused,
    claims_of,
    expiry_s,
    read_token,
)
from app.plugins.base import Context, ExtensionError, Plugin

if TYPE_CHECKING:
    from app.plugins.auth_jwt.jwks import KeySet

logger = logging.getLogger(__name__)

REFUSED = Stop(Verdict(ReasonCode.NOT_AUTHORIZED))
UNAVAILABLE = Stop(Verdict(ReasonCode.SERVER_UNAVAILABLE))
WELCOME = Stop(Verdict(ReasonCode.SUCCESS))


@dataclass(frozen=True, slots=True)
class _Working:
    """What it works with while it is loaded."""

    core: BrokerCore
    keys: tuple[Key, ...]
    published: KeySet | None
    from_username: bool
    expected: Mapping[str, str]
    acl_claim: str
    leeway_s: float

    def now_s(self) -> float:
        return self.core.clock.wall_ms() / 1000


class AuthJwt(Plugin):
    """Authentication and access rules by tokens."""

    name = "emqx_auth_jwt"
    description = "EMQX Authentication with JWT"
    type = "auth"
    guards = True
    parameters = JWT_ROWS

    def __init__(self) -> None:
        """Know nobody."""
        self.counters = AuthCounters()
        self.grants = Grants()
        self._working: _Working | None = None

    def prepare(self, config: Mapping[str, Any]) -> tuple[Key, ...]:
        """Return the keys that are not looked up elsewhere.

        Raises:
            ExtensionError: There is none at all, or the file is none.
        """
        secret, file = config[JWT_SECRET.key], config[JWT_PUBKEY.key]
        if not (secret or file or config[JWT_JWKS.key]):
            raise ExtensionError(f"Set {JWT_SECRET.key}, {JWT_PUBKEY.key} or {JWT_JWKS.key}.")
        if config[JWT_JWKS.key]:
            # Its HTTP client is large; here its loading keeps nobody waiting.
            import app.plugins.auth_jwt.jwks as _loaded  # noqa: F401
        keys = []
        if secret:
            keys.append(secret_key(secret))
            if len(secret.encode()) < RECOMMENDED_SECRET_BYTES:
                logger.warning(
                    "%s is shorter than %d bytes and may be guessed from any token",
                    JWT_SECRET.key,
                    RECOMMENDED_SECRET_BYTES,
                )
        if file:
            keys.append(_key_of(Path(file)))
        return tuple(keys)

    def load(self, context: Context) -> None:
        """Join authentication and access rules."""
        core, config = context.core, context.config
        published = None
        if config[JWT_JWKS.key]:
            from app.plugins.auth_jwt.jwks import KeySet  # loaded by `prepare`

            published = KeySet(config[JWT_JWKS.key], config[JWT_JWKS_REFRESH.key], core.spawn)
            published.start()
        self._working = working = _Working(
            core,
            context.prepared,
            published,
            config[JWT_FROM.key] == "username",
            expected_claims(config),
            config[JWT_ACL_CLAIM_NAME.key],
            config[JWT_LEEWAY.key],
        )
        self.grants.forget_gone(core)
        context.hook("client.authenticate", lambda asked, _: self.authenticate(working, asked))
        context.hook("client.check_acl", lambda *asked: self.check_acl(working, *asked[:3]))
        context.hook("client.connected", lambda client: self.grants.connected(core, client))
        context.hook(
            "client.disconnected", lambda client, _: self.grants.disconnected(core, client)
        )

    def unload(self) -> None:
        """Look no keys up any more. Grants stay with their clients, for whenever it is loaded again."""
        if self._working is not None and self._working.published is not None:
            self._working.published.close()
        self._working = None

    def authenticate(
        self, working: _Working, credentials: Credentials
    ) -> Stop | Awaitable[Stop | None] | None:
        """Say whether a client's token holds."""
        try:
            token = _token_of(working, credentials)
        except NoToken:
            because("there is no token")
            self.counters.auth_ignore += 1
            return None
        except TokenRefused as refused:
            return self._refuse(credentials.client, refused)
        if token.kid is not None and working.published is not None:
            return self._check_published(working, working.published, credentials.client, token)
        return self._check(working, credentials.client, token, working.keys)

    async def _check_published(
        self, working: _Working, published: KeySet, client: ClientInfo, token: Token
    ) -> Stop | None:
        try:
            keys = await published.find(token.kid or "")
        except KeysUnavailable:
            self.counters.auth_failure += 1
            return UNAVAILABLE
        return self._check(working, client, token, keys)

    def _check(
        self, working: _Working, client: ClientInfo, token: Token, keys: tuple[Key, ...] | list[Key]
    ) -> Stop | None:
        if not keys:
            # By a key that is not ours: somebody else's token.
            because("the token is by a key that is not ours")
            self.counters.auth_ignore += 1
            return None
        try:
            claims = claims_of(token, keys, working.now_s(), working.leeway_s)
            if not are_of(client, claims, working.expected):
                raise TokenRefused("its claims are not this client's")
        except TokenRefused as refused:
            return self._refuse(client, refused)
        if working.acl_claim in claims:
            until_s = expiry_s(claims)
            if until_s is not None:
                until_s += working.leeway_s
            grant = grant_of(claims[working.acl_claim], until_s)
            self.grants.put(working.core, client, grant)
        because("the token holds")
        self.counters.auth_success += 1
        return WELCOME

    def _refuse(self, client: ClientInfo, refused: TokenRefused) -> Stop:
        because("the token: %s", refused)
        self.counters.auth_failure += 1
        logger.info("Refused %s from %s: the token: %s", client.clientid, client.peerhost, refused)
        return REFUSED

    def check_acl(
        self, working: _Working, client: ClientInfo, action: str, topic: str
    ) -> Stop | None:
        """Say whether a client's token allows it; without a list in the token it says nothing."""
        grant = self.grants.of(client)
        if grant is None:
            because("the client has no token with the claim %s", working.acl_claim)
            self.counters.acl_ignore += 1
            return None
        met = grant.filter_for(client, action, topic, working.now_s())
        allowed = met is not None
        if allowed:
            because("the claim %s of the token names %s", working.acl_claim, met)
        else:
            because(
                "the claim %s of the token has no filter for the topic, or has expired",
                working.acl_claim,
            )
        if allowed:
            self.counters.acl_allow += 1
        else:
            self.counters.acl_deny += 1
        return Stop(allowed)


def expected_claims(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts that claims must be, by name; none where claims are not compared."""
    if not config[JWT_VERIFY_CLAIMS.key]:
        return {}
    before = JWT_CLAIM.key.partition("$")[0]
    return {key.removeprefix(before): config[key] for key in config if JWT_CLAIM.takes(key)}


def _token_of(working: _Working, credentials: Credentials) -> Token:
    if working.from_username:
        text = credentials.client.username
    else:
        text = None if credentials.password is None else credentials.password.decode("latin-1")
    if not text or not text.isascii():
        raise NoToken
    return read_token(text)


def _key_of(path: Path) -> Key:
    try:
        return key_from_pem(path.read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ExtensionError(f"Make {path} readable, or set {JWT_PUBKEY.key}: {reason}.") from None
    except KeyRefused as refused:
        raise ExtensionError(
            f"Put a public key into {path}, or set {JWT_PUBKEY.key}: {refused}."
        ) from None
