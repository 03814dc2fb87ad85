"""The plugin: its place in the authentication chain and among the access rules.

Source: EMQX 4.4 `emqx_auth_redis`, `emqx_acl_redis`: whom Redis does not know is left to the next; whoever has access
rules there may do what they allow and nothing else. Where EMQX passes over a Redis that fails, here it refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from app.auth.metrics import AuthCounters
from app.auth.passwords import PasswordHash
from app.auth.placeholders import PlaceholderError, Subject, UnusableValueError
from app.backends.breaker import BackendError, UnavailableError
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Stop
from app.broker.reasons import because
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
    REDIS_UNAVAILABLE,
)
from app.mqtt.reason_codes import ReasonCode
from app.plugins.auth_redis.commands import (
    Command,
    first_that_allows,
    read_password,
    read_rules,
    read_superuser,
)
from app.plugins.auth_redis.server import RedisServer
from app.plugins.auth_watch import Watch
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
        self._watch: Watch
        self._questions: Questions
        self._denies = True

    def prepare(self, config: Mapping[str, Any]) -> Questions:
        """Return the questions.

        Raises:
            ExtensionError: A parameter cannot be used; the text names it.
        """
        # Large, and needed by nodes with a Redis only; here its loading keeps nobody waiting.
        from app.plugins.auth_redis.drivers import missing_file

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
        from app.plugins.auth_redis.drivers import driver_for

        core, config = context.core, context.config
        self._core = core
        self._questions = questions = context.prepared
        self._denies = config[REDIS_UNAVAILABLE.key] == "deny"
        in_a_row = 2 if questions.super else 1
        watch = Watch(core, self.name, "Redis", config[REDIS_QUERY_TIMEOUT.key], in_a_row)
        server = RedisServer(driver_for(config), config[REDIS_POOL.key], watch.breaker)
        self._watch, self._server = watch, server
        context.hook("client.authenticate", self.authenticate)
        if self._questions.acl:
            context.hook("client.check_acl", self.check_acl)
        watch.begin(server.probe)

    def unload(self) -> None:
        """Close the connections, once what is under way is answered."""
        if self._core is not None:
            self._watch.end()
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
            because("what the client says cannot be asked with: NUL, or no text")
            self.counters.auth_failure += 1
            return REFUSED
        if words is None:
            because("%s needs what the client does not say", REDIS_AUTH_CMD.key)
            self.counters.auth_ignore += 1
            return None
        return self._authenticate(self._server, self._questions, subject, words)

    async def _authenticate(
        self, server: RedisServer, questions: Questions, subject: Subject, words: list[str]
    ) -> Stop | None:
        try:
            stored = await server.ask(words, read_password)
            if stored is None:
                because("%s finds no such client", REDIS_AUTH_CMD.key)
                self.counters.auth_ignore += 1
                return None
            if not await questions.hashed.check(subject.password, stored.digest, stored.salt):
                because("%s finds the client, with another password", REDIS_AUTH_CMD.key)
                self.counters.auth_failure += 1
                return REFUSED
            because("the password fits that of %s", REDIS_AUTH_CMD.key)
            is_superuser = await self._is_superuser(server, questions, subject)
        except UnusableValueError:
            self.counters.auth_failure += 1
            return REFUSED
        except (UnavailableError, BackendError):
            because("Redis does not answer, or with an error: %s", REDIS_UNAVAILABLE.key)
            if not self._denies:
                self.counters.auth_ignore += 1
                return None
            self.counters.auth_failure += 1
            return UNAVAILABLE
        self.counters.auth_success += 1
        return Stop(Verdict(ReasonCode.SUCCESS, is_superuser=is_superuser))

    async def _is_superuser(
        self, server: RedisServer, questions: Questions, subject: Subject
    ) -> bool:
        asked = questions.super.render(subject)
        if not asked:
            return False
        try:
            is_superuser = await server.ask(asked, read_superuser)
        except BackendError:
            # He is let in all the same, and held to the rules.
            because("%s is answered with an error: no superuser", REDIS_SUPER_CMD.key)
            return False
        because("%s says yes" if is_superuser else "%s says no", REDIS_SUPER_CMD.key)
        return is_superuser

    def check_acl(
        self, client: ClientInfo, action: str, topic: str, _verdict: object
    ) -> Awaitable[Stop | None] | Stop | None:
        """Say what the client's rules in Redis allow."""
        try:
            words = self._questions.acl.render(Subject(client, action=action, topic=topic))
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
            self.counters.acl_deny += 1
            return Stop(False)
        if words is None:
            because("%s needs what the client does not say", REDIS_ACL_CMD.key)
            self.counters.acl_ignore += 1
            return None
        return self._check_acl(words, client, action, topic)

    async def _check_acl(
        self, words: list[str], client: ClientInfo, action: str, topic: str
    ) -> Stop | None:
        try:
            rules = await self._server.ask(words, read_rules)
        except (UnavailableError, BackendError):
            because("Redis does not answer, or with an error: %s", REDIS_UNAVAILABLE.key)
            self._watch.forget_soon(client)
            if self._denies:
                self.counters.acl_deny += 1
                return Stop(False)
            rules = []
        if not rules:
            because("%s finds no rules of the client", REDIS_ACL_CMD.key)
            self.counters.acl_ignore += 1
            return None
        found = first_that_allows(rules, client, action, topic)
        allowed = found is not None
        if found is not None:
            because("%s has %s with access %s", REDIS_ACL_CMD.key, *found)
        else:
            because("none of the %s rules of %s allows it", len(rules), REDIS_ACL_CMD.key)
        if allowed:
            self.counters.acl_allow += 1
        else:
            self.counters.acl_deny += 1
        return Stop(allowed)


def questions_of(config: Mapping[str, Any]) -> Questions:
    """Return the commands, taken apart, and how passwords are hashed.

    Raises:
        ExtensionError: One cannot be used; the text names its key.
    """

    def command(key: str) -> Command:
        try:
            return Command.parse(config[key])
        except PlaceholderError as error:
            raise ExtensionError(f"{key}: {error}") from None

    return Questions(
        command(REDIS_AUTH_CMD.key),
        command(REDIS_SUPER_CMD.key),
        command(REDIS_ACL_CMD.key),
        PasswordHash.of(config[REDIS_PASSWORD_HASH.key]),
    )
