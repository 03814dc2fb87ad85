"""The plugin: its place in the authentication chain and among the access rules.

Source: EMQX 4.4 `emqx_auth_redis`, `emqx_acl_redis`: whom Redis does not know is left to the next; whoever has access
rules there may do what they allow and nothing else. Where EMQX passes over a Redis that fails, here it refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from app.auth.breaker import BackendError, BreakerPolicy, CircuitBreaker, UnavailableError
from app.auth.metrics import AuthCounters
from app.auth.passwords import PasswordHash, parse_hash
from app.auth.placeholders import PlaceholderError, Subject, UnusableValueError
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Stop
from app.config.auth_redis import (
    REDIS_ACL_CMD,
    REDIS_AUTH_CMD,
    REDIS_PASSWORD_HASH,
    REDIS_POOL,
    REDIS_QUERY_TIMEOUT,
    REDIS_ROWS,
    REDIS_SENTINEL,
    REDIS_SERVER,
    REDIS_SUPER_CMD,
    REDIS_TYPE,
)
from app.mqtt.reason_codes import ReasonCode
from app.plugins.auth_redis.commands import (
    Command,
    allows,
    read_password,
    read_rules,
    read_superuser,
)
from app.plugins.auth_redis.server import RedisServer, drivers_for, missing_file
from app.plugins.base import Context, ExtensionError, Plugin

REFUSED = Stop(Verdict(ReasonCode.BAD_USER_NAME_OR_PASSWORD))
UNAVAILABLE = Stop(Verdict(ReasonCode.SERVER_UNAVAILABLE))


@dataclass(frozen=True, slots=True)
class Questions:
    """What Redis is asked, and how passwords are hashed there."""

    auth: Command
    super: Command
    acl: Command
    hashed: PasswordHash


class AuthRedis(Plugin):
    """Authentication and access rules from Redis."""

    name = "emqx_auth_redis"
    description = "EMQX Authentication/ACL with Redis"
    type = "auth"
    guards = True
    parameters = REDIS_ROWS

    def __init__(self) -> None:
        """Ask nobody yet."""
        self.counters = AuthCounters()
        self._core: BrokerCore | None = None
        self._server: RedisServer
        self._questions: Questions

    def prepare(self, config: Mapping[str, Any]) -> Questions:
        """Return the questions.

        Raises:
            ExtensionError: A parameter cannot be used; the text names it.
        """
        if not config[REDIS_SERVER.key]:
            raise ExtensionError(f"Set {REDIS_SERVER.key}.")
        if config[REDIS_TYPE.key] == "sentinel" and not config[REDIS_SENTINEL.key]:
            raise ExtensionError(f"Set {REDIS_SENTINEL.key}: the name that the sentinels know.")
        if (key := missing_file(config)) is not None:
            raise ExtensionError(f"{key}: there is no such file.")
        questions = questions_of(config)
        if not questions.auth:
            raise ExtensionError(f"Set {REDIS_AUTH_CMD.key}.")
        return questions

    def load(self, context: Context) -> None:
        """Join authentication, and the access rules where they are asked for."""
        core, config = context.core, context.config
        policy = BreakerPolicy(timeout_s=config[REDIS_QUERY_TIMEOUT.key])
        breaker = CircuitBreaker(
            f"Redis of {self.name}",
            policy,
            core.clock,
            # Refusals that were made without an answer must not be remembered longer than its absence.
            on_recovery=core.access.drain_caches,
        )
        self._core = core
        self._questions = context.prepared
        self._server = RedisServer(drivers_for(config), config[REDIS_POOL.key], breaker)
        context.hook("client.authenticate", self.authenticate)
        if self._questions.acl:
            context.hook("client.check_acl", self.check_acl)

    def unload(self) -> None:
        """Close the connections, once what is under way is answered."""
        if self._core is not None:
            self._core.spawn(self._server.close())
            self._core = None

    def authenticate(
        self, credentials: Credentials, _verdict: object
    ) -> Awaitable[Stop | None] | Stop | None:
        """Say whether the password is the one that Redis has."""
        subject = Subject(credentials.client, credentials.password)
        try:
            words = self._questions.auth.render(subject)
        except UnusableValueError:
            self.counters.auth_failure += 1
            return REFUSED
        if words is None:
            self.counters.auth_ignore += 1
            return None
        return self._authenticate(self._server, self._questions, subject, words)

    async def _authenticate(
        self, server: RedisServer, questions: Questions, subject: Subject, words: list[str]
    ) -> Stop | None:
        try:
            stored = await server.ask(words, read_password)
            if stored is None:
                self.counters.auth_ignore += 1
                return None
            if not await questions.hashed.check(subject.password, stored.digest, stored.salt):
                self.counters.auth_failure += 1
                return REFUSED
            asked = questions.super.render(subject)
            is_superuser = bool(asked) and await server.ask(asked or (), read_superuser)
        except UnusableValueError:
            self.counters.auth_failure += 1
            return REFUSED
        except (UnavailableError, BackendError):
            self.counters.auth_failure += 1
            return UNAVAILABLE
        self.counters.auth_success += 1
        return Stop(Verdict(ReasonCode.SUCCESS, is_superuser=is_superuser))

    def check_acl(
        self, client: ClientInfo, action: str, topic: str, _verdict: object
    ) -> Awaitable[Stop | None] | Stop | None:
        """Say what the client's rules in Redis allow."""
        try:
            words = self._questions.acl.render(Subject(client, action=action, topic=topic))
        except UnusableValueError:
            self.counters.acl_deny += 1
            return Stop(False)
        if words is None:
            self.counters.acl_ignore += 1
            return None
        return self._check_acl(words, client, action, topic)

    async def _check_acl(
        self, words: list[str], client: ClientInfo, action: str, topic: str
    ) -> Stop | None:
        try:
            rules = await self._server.ask(words, read_rules)
        except (UnavailableError, BackendError):
            self.counters.acl_deny += 1
            return Stop(False)
        if not rules:
            self.counters.acl_ignore += 1
            return None
        allowed = allows(rules, client, action, topic)
        if allowed:
            self.counters.acl_allow += 1
        else:
            self.counters.acl_deny += 1
        return Stop(allowed)


def questions_of(config: Mapping[str, Any]) -> Questions:
    """Return the commands, taken apart, and the hash.

    Raises:
        ExtensionError: One cannot be used; the text names its key.
    """

    def command(key: str) -> Command:
        try:
            return Command.parse(config[key])
        except PlaceholderError as error:
            raise ExtensionError(f"{key}: {error}") from None

    try:
        hashed = parse_hash(config[REDIS_PASSWORD_HASH.key])
    except ValueError:
        raise ExtensionError(f"{REDIS_PASSWORD_HASH.key}: there is no such hash.") from None
    return Questions(
        command(REDIS_AUTH_CMD.key),
        command(REDIS_SUPER_CMD.key),
        command(REDIS_ACL_CMD.key),
        hashed,
    )
