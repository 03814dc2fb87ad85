"""Who may come in and what they may do: the hooks' verdicts, and the policy where no hook has one.

Strict points fail closed: a callback that raises refuses the client.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from app.broker.acl_cache import AclCache, AclCacheLimits, AclVerdict
from app.broker.client_info import ClientInfo
from app.broker.enhanced_auth import Method
from app.broker.hooks import HookFailed, Hooks, nobody_asked
from app.broker.metrics import Metrics
from app.clock import Clock
from app.config import AllowAnonymous, BrokerConfig
from app.mqtt.reason_codes import ReasonCode

logger = logging.getLogger(__name__)

HOW_TO_ALLOW = (
    "Anonymous clients are accepted from this machine only; set allow_anonymous = true to accept "
    "them from everywhere, or configure authentication"
)
HOW_TO_AUTHENTICATE = "Anonymous clients are not accepted (allow_anonymous = false)"
WARN_EVERY_S = 10.0


class Asks(Enum):
    """Who has to be asked about a client's PUBLISH."""

    NOBODY = 0
    ONCE_IN_A_WHILE = 1
    """The ACL; what it said holds for the time that `acl_cache_ttl` gives it."""
    EVERY_TIME = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of an authentication; `hint` may be shown to the client."""

    reason: ReasonCode
    anonymous: bool = False
    is_superuser: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the client offers; never logged."""

    client: ClientInfo
    password: bytes | None

    def __repr__(self) -> str:
        """Show who, never what."""
        return f"Credentials({self.client.clientid!r})"


class _Question(NamedTuple):
    """What the ACL is asked, and at which generation of its rules."""

    client: ClientInfo
    action: str
    topic: str
    generation: int


class AccessControl:
    """Authentication and ACL of one broker."""

    def __init__(
        self,
        hooks: Hooks,
        config: BrokerConfig,
        metrics: Metrics,
        clock: Clock,
        *,
        allow_unmatched: bool = True,
        cache: AclCacheLimits | None = None,
    ) -> None:
        """Take the policies for what no hook has a verdict on: for clients, and for what they do.

        Args:
            hooks: where verdicts come from.
            config: of this, `allow_anonymous`, about clients that no hook has a verdict on; it may change.
            metrics: count the verdicts.
            clock: tells how old remembered verdicts are.
            allow_unmatched: what clients may do where no hook has a verdict.
            cache: how much is remembered of a client's verdicts; None remembers nothing.
        """
        self._config = config
        self.allow_unmatched = allow_unmatched
        self._cache = cache
        self._generation = 0
        self._authenticate = hooks.point("client.authenticate")
        self._enhanced = hooks.point("client.enhanced_authenticate")
        self._check_acl = hooks.point("client.check_acl")
        self._check_subscribe = hooks.point("client.check_acl_subscribe")
        self._checked_acl = hooks.point("client.check_acl_complete")
        if not allow_unmatched:
            # A point without callbacks is not asked, and would allow everything.
            self._check_acl.add(no_opinion)
        self._asked = self._check_acl.callbacks
        self._asked_subscribe = self._check_subscribe.callbacks
        self._metrics = metrics
        self._clock = clock
        self._warned_at_s = -WARN_EVERY_S
        self.on_drain: Callable[[], None] = nobody_asked
        """Called when verdicts were forgotten that somebody may rely on."""
        self.on_denied: Callable[[ClientInfo, str, str], None] = nobody_cared
        """Called with client, action and topic of each refusal. A hook would have to hear of what is allowed too, and
        close the express lane."""

    def authenticate(self, credentials: Credentials) -> Verdict | Awaitable[Verdict]:
        """Return the verdict, or something to wait for where a hook needs time."""
        self._metrics.client_authenticate += 1
        if not self._authenticate.callbacks:
            return self.count(credentials.client, self.default(credentials.client))
        return self._ask_hooks(credentials)

    def _ask_hooks(self, credentials: Credentials) -> Verdict | Awaitable[Verdict]:
        try:
            verdict = self._authenticate.fold_promptly(credentials, value=None)
        except HookFailed:
            verdict = Verdict(ReasonCode.SERVER_UNAVAILABLE)
        if isinstance(verdict, Awaitable):
            return self._wait_for_verdict(credentials, verdict)
        return self._concluded(credentials, verdict)

    async def _wait_for_verdict(
        self, credentials: Credentials, due: Awaitable[Verdict | None]
    ) -> Verdict:
        try:
            verdict = await due
        except HookFailed:
            verdict = Verdict(ReasonCode.SERVER_UNAVAILABLE)
        return self._concluded(credentials, verdict)

    def _concluded(self, credentials: Credentials, verdict: Verdict | None) -> Verdict:
        if verdict is None:
            verdict = self.default(credentials.client)
        return self.count(credentials.client, verdict)

    async def find_method(self, client: ClientInfo, name: str) -> Method | None:
        """Begin an exchange by an enhanced authentication method; None where nobody speaks it.

        Raises:
            HookFailed: whoever was asked raised.
        """
        self._metrics.client_authenticate += 1
        method: Method | None = await self._enhanced.fold_waiting(client, name, value=None)
        return method

    def default(self, client: ClientInfo) -> Verdict:
        """Return the policy's verdict on a client that no hook has one on."""
        if self._config.allow_anonymous is AllowAnonymous.TRUE:
            return Verdict(ReasonCode.SUCCESS, anonymous=True)
        if self._config.allow_anonymous is AllowAnonymous.LOOPBACK:
            if client.is_loopback:
                return Verdict(ReasonCode.SUCCESS, anonymous=True)
            return Verdict(ReasonCode.NOT_AUTHORIZED, hint=HOW_TO_ALLOW)
        return Verdict(ReasonCode.NOT_AUTHORIZED, hint=HOW_TO_AUTHENTICATE)

    def count(self, client: ClientInfo, verdict: Verdict) -> Verdict:
        """Count a verdict, and say in the log what would change one that has a hint."""
        if verdict.reason is ReasonCode.SUCCESS:
            self._metrics.client_auth_success += 1
            if verdict.anonymous:
                self._metrics.client_auth_anonymous += 1
            return verdict
        self._metrics.client_auth_failure += 1
        now_s = self._clock.monotonic_s()
        if verdict.hint and now_s - self._warned_at_s >= WARN_EVERY_S:
            # Once in a while is enough: a fleet that knocks must not fill the disk.
            self._warned_at_s = now_s
            logger.warning("Refused %s from %s: %s", client.clientid, client.peerhost, verdict.hint)
        return verdict

    def may(self, client: ClientInfo, action: str, topic: str) -> bool | Awaitable[bool]:
        """Tell whether a client may `publish` to a topic or `subscribe` to a filter."""
        if client.is_superuser or not client.zone.enable_acl:
            return True
        for_subscribing = self._check_subscribe.callbacks
        if not self._check_acl.callbacks and (action == "publish" or not for_subscribing):
            return True
        if (
            self._check_acl.callbacks is not self._asked
            or for_subscribing is not self._asked_subscribe
        ):
            # Others are asked now: what was decided without them does not count.
            self._asked = self._check_acl.callbacks
            self._asked_subscribe = for_subscribing
            self.drain_caches()
        if self._cache is not None and client.acl_cache is not None:
            since_ms = self._clock.wall_ms() - self._cache.ttl_ms
            known = client.acl_cache.find(action, topic, since_ms, self._generation)
            if known is not None:
                self._metrics.client_acl_cache_hit += 1
                return self._decided(client, action, topic, known, client.acl_cache)
        self._metrics.client_check_acl += 1
        return self._ask_acl(client, action, topic)

    def _ask_acl(self, client: ClientInfo, action: str, topic: str) -> bool | Awaitable[bool]:
        # A verdict by rules that are replaced meanwhile belongs to the old generation.
        question = _Question(client, action, topic, self._generation)
        try:
            found = self._check_acl.fold_promptly(client, action, topic, value=None)
            if isinstance(found, Awaitable):
                return self._wait_for_acl(question, found)
            if found is None and action == "subscribe":
                found = self._check_subscribe.fold_promptly(client, topic, value=None)
                if isinstance(found, Awaitable):
                    return self._wait_for_acl(question, found, is_last=True)
        except HookFailed:
            return self._decided(client, action, topic, False)
        return self._answered(question, found)

    async def _wait_for_acl(
        self, question: _Question, due: Awaitable[Any], *, is_last: bool = False
    ) -> bool:
        client, action, topic, _ = question
        try:
            found = await due
            if found is None and action == "subscribe" and not is_last:
                found = await self._check_subscribe.fold_waiting(client, topic, value=None)
        except HookFailed:
            # Whoever could not say now may be able to the next time: such a verdict is not kept.
            return self._decided(client, action, topic, False)
        return self._answered(question, found)

    def _answered(self, question: _Question, found: Any) -> bool:
        client, action, topic, generation = question
        allowed = self.allow_unmatched if found is None else bool(found)
        if self._cache is not None and generation == self._generation:
            if client.acl_cache is None:
                client.acl_cache = AclCache()
            verdict = AclVerdict(action, topic, allowed, self._clock.wall_ms())
            client.acl_cache.keep(verdict, self._cache.max_size, generation)
        return self._decided(client, action, topic, allowed)

    def _decided(
        self,
        client: ClientInfo,
        action: str,
        topic: str,
        allowed: bool,
        by: AclCache | None = None,
    ) -> bool:
        if allowed:
            self._metrics.client_acl_allow += 1
        else:
            self._metrics.client_acl_deny += 1
            self.on_denied(client, action, topic)
        if self._checked_acl.callbacks:
            if by is not None:
                by.is_asked = True
            self._checked_acl.run(client, action, topic, allowed)
            if by is not None:
                by.is_asked = False
        return allowed

    # -- what is remembered --------------------------------------------------------------------

    def remembered(self, client: ClientInfo) -> list[AclVerdict]:
        """Return a client's verdicts that still count, newest first."""
        if self._cache is None or client.acl_cache is None:
            return []
        since_ms = self._clock.wall_ms() - self._cache.ttl_ms
        return client.acl_cache.entries(since_ms, self._generation)

    def drain_caches(self) -> None:
        """Forget every verdict about every client, as after a change of the rules."""
        self._generation += 1
        self.on_drain()

    def drain_cache(self, client: ClientInfo) -> None:
        """Forget every verdict about one client."""
        client.acl_cache = None
        self.on_drain()

    def asks(self, client: ClientInfo) -> Asks:
        """Tell what it takes to find out what a client may publish."""
        if client.is_superuser or not client.zone.enable_acl or not self._check_acl.callbacks:
            return Asks.NOBODY
        if self._cache is None or self._checked_acl.callbacks:
            return Asks.EVERY_TIME
        return Asks.ONCE_IN_A_WHILE

    def is_known_to_publish(self, client: ClientInfo, topic: str) -> bool:
        """Tell whether a verdict that still counts lets a client publish on a topic; counts nothing."""
        if self._cache is None or client.acl_cache is None:
            return False
        since_ms = self._clock.wall_ms() - self._cache.ttl_ms
        return client.acl_cache.find("publish", topic, since_ms, self._generation) is True


def nobody_cared(_client: ClientInfo, _action: str, _topic: str) -> None:
    """Hear of a refusal, and do nothing about it."""


def acl_cache_limits(config: BrokerConfig) -> AclCacheLimits | None:
    """Return how much the settings want remembered of a client's verdicts; None is nothing."""
    if not config.enable_acl_cache:
        return None
    return AclCacheLimits(config.acl_cache_max_size, round(config.acl_cache_ttl_s * 1000))


def no_opinion(*_: object) -> None:
    """Leave an ACL question to `acl_nomatch`."""
