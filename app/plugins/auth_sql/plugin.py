"""Authentication and access rules from somebody else's database, whatever driver speaks to it.

Whoever is not in the database is left to the next plugin. While the database does not answer, nobody waits for it: the
circuit breaker refuses at once, an alarm says so, and it is tried again by itself.

Source: EMQX 4.4 `emqx_auth_mysql`, `emqx_acl_mysql`; failing closed where EMQX's ACL would go on is ours.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from app.auth.metrics import AuthCounters
from app.auth.passwords import PasswordHash
from app.auth.placeholders import PlaceholderError, Query, Subject, UnusableValueError
from app.backends.breaker import (
    BackendError,
    BreakerPolicy,
    CircuitBreaker,
    State,
    UnavailableError,
)
from app.backends.pool import Connector, Pool, Row
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Stop
from app.broker.reasons import because
from app.config.auth_sql import SqlRows
from app.mqtt.reason_codes import ReasonCode
from app.plugins.auth_sql.rows import is_yes, rules_of, text_of
from app.plugins.base import Context, ExtensionError, Plugin

logger = logging.getLogger(__name__)

PROBE = "select 1"
GRACE_S = 1.0
"""What a driver gets on top of the time of a query to end it by itself."""
HOOK_SHARE = 0.9
"""How much of the time of a hook one question may take at most."""
_NO_ANSWER = Verdict(ReasonCode.SERVER_UNAVAILABLE)
_REFUSED = Verdict(ReasonCode.BAD_USER_NAME_OR_PASSWORD)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the parameters say, checked."""

    auth: Query | None
    super: Query | None
    acl: Query | None
    tls: ssl.SSLContext | None


class SqlAuth(Plugin):
    """The base of both plugins."""

    type = "auth"
    guards = True
    rows: ClassVar[SqlRows]

    def __init__(self) -> None:
        """Wait for a broker."""
        self.counters = AuthCounters()
        self.breaker: CircuitBreaker | None = None
        self._pool: Pool[Any]
        self._core: BrokerCore
        self._prepared: Prepared
        self._hashing: PasswordHash
        self._denies = True

    def connector(self, config: Mapping[str, Any], tls: ssl.SSLContext | None) -> Connector[Any]:
        """Return the driver, set up by the parameters."""
        raise NotImplementedError

    def prepare(self, config: Mapping[str, Any]) -> Prepared:
        """Take the queries apart and read the certificates.

        Raises:
            ExtensionError: One of them cannot be used.
        """
        rows = self.rows
        return Prepared(
            _query(rows.auth_query.key, config),
            _query(rows.super_query.key, config),
            _query(rows.acl_query.key, config),
            _tls_context(rows, config),
        )

    def load(self, context: Context) -> None:
        """Join authentication and access rules; the database is looked for meanwhile."""
        config, rows = context.config, self.rows
        self._core = context.core
        self._prepared = context.prepared
        self._hashing = PasswordHash.of(config[rows.password_hash.key])
        self._denies = config[rows.unavailable.key] == "deny"
        breaker = CircuitBreaker(
            f"{rows.title} at {config[rows.server.key]}",
            BreakerPolicy(timeout_s=_timeout_s(config[rows.query_timeout.key], self._core)),
            self._core.clock,
            self._opened,
            self._recovered,
        )
        self.breaker = breaker
        connector = self.connector(config, self._prepared.tls)
        self._pool = Pool(connector, breaker, config[rows.pool.key])
        if self._prepared.auth is not None:
            context.hook("client.authenticate", self.authenticate)
        if self._prepared.acl is not None:
            context.hook("client.check_acl", self.check_acl)
        self._core.spawn(self._probe(breaker))

    def unload(self) -> None:
        """Leave the database alone."""
        self.breaker = None
        self._pool.close()
        self._core.alarms.deactivate(self._alarm)

    async def authenticate(self, credentials: Credentials, _verdict: object) -> Stop | None:
        """Say whether the password is the one that the database has for the client."""
        try:
            verdict = await self._judge(Subject(credentials.client, credentials.password))
        except (UnavailableError, BackendError):
            verdict = _NO_ANSWER if self._denies else None
            _no_answer(self.rows)
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
            verdict = _REFUSED
        if verdict is None:
            self.counters.auth_ignore += 1
            return None
        if verdict.reason is ReasonCode.SUCCESS:
            self.counters.auth_success += 1
        else:
            self.counters.auth_failure += 1
        return Stop(verdict)

    async def _judge(self, subject: Subject) -> Verdict | None:
        rows = await self._fetch(self._prepared.auth, subject)
        if not rows:
            because("%s has no row for the client", self.rows.auth_query.key)
            return None
        stored, salt, *_ = *map(text_of, rows[0]), None
        if not await self._hashing.check(subject.password, stored, salt):
            because("%s has the client, with another password", self.rows.auth_query.key)
            return _REFUSED
        because("the password fits that of %s", self.rows.auth_query.key)
        return Verdict(ReasonCode.SUCCESS, is_superuser=await self._is_superuser(subject))

    async def _is_superuser(self, subject: Subject) -> bool:
        try:
            rows = await self._fetch(self._prepared.super, subject)
        except BackendError:
            # A database without that column has no superusers.
            because("%s is answered with an error: no superuser", self.rows.super_query.key)
            return False
        is_superuser = bool(rows) and is_yes(rows[0][0])
        if self._prepared.super is not None:
            said = "%s says yes" if is_superuser else "%s says no"
            because(said, self.rows.super_query.key)
        return is_superuser

    async def check_acl(
        self, client: ClientInfo, action: str, topic: str, _verdict: object
    ) -> Stop | None:
        """Say what the last row says that meets client, action and topic."""
        subject = Subject(client, None, action, topic)
        try:
            rows = await self._fetch(self._prepared.acl, subject)
            allowed = self._decided(rows, client, action, topic)
        except (UnavailableError, BackendError):
            # Such a verdict is forgotten with the next answer: `_recovered`.
            _no_answer(self.rows)
            allowed = False if self._denies else None
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
            allowed = False
        if allowed is None:
            self.counters.acl_ignore += 1
            return None
        if allowed:
            self.counters.acl_allow += 1
        else:
            self.counters.acl_deny += 1
        return Stop(allowed)

    def _decided(self, rows: list[Row], client: ClientInfo, action: str, topic: str) -> bool | None:
        rule = rules_of(rows).find(client, action, topic)
        query = self.rows.acl_query.key
        if rule is None:
            because("none of the %s rows of %s is about it", len(rows), query)
            return None
        said = "row %s of %s allows %s" if rule.allows else "row %s of %s denies %s"
        because(said, rule.line, query, rule.text)
        return rule.allows

    async def _fetch(self, query: Query | None, subject: Subject) -> list[Row]:
        if query is None:
            return []
        return await self._pool.fetch(query.sql, query.values(subject))

    # -- the database's state ------------------------------------------------------------------

    @property
    def _alarm(self) -> str:
        return f"{self.name}_unavailable"

    async def _probe(self, breaker: CircuitBreaker) -> None:
        """Ask for nothing, so that an outage and its end are known without a client."""
        if self.breaker is not breaker:
            return
        try:
            await self._pool.fetch(PROBE, ())
        except (UnavailableError, BackendError):
            if breaker.state is State.CLOSED:
                self._probe_later(breaker)

    def _probe_later(self, breaker: CircuitBreaker) -> None:
        core = self._core
        core.after(breaker.pause_s, lambda: core.spawn(self._probe(breaker)))

    def _opened(self) -> None:
        if self.breaker is not None:
            title = self.rows.title
            self._core.alarms.activate(self._alarm, f"{title} does not answer", {"name": title})
            self._probe_later(self.breaker)

    def _recovered(self) -> None:
        self._core.alarms.deactivate(self._alarm)
        # What was said without an answer holds no longer.
        self._core.access.drain_caches()


def _no_answer(rows: SqlRows) -> None:
    because("%s does not answer, or with an error: %s", rows.title, rows.unavailable.key)


def _timeout_s(query_timeout_s: float, core: BrokerCore) -> float:
    # A hook that is ended from outside says nothing about the database: the breaker must be first.
    return min(query_timeout_s + GRACE_S, core.config.hook_timeout_s * HOOK_SHARE)


def _query(key: str, config: Mapping[str, Any]) -> Query | None:
    if not config[key].strip():
        return None
    try:
        return Query.parse(config[key])
    except PlaceholderError as error:
        raise ExtensionError(f"{key}: {error}") from None


def _tls_context(rows: SqlRows, config: Mapping[str, Any]) -> ssl.SSLContext | None:
    if not config[rows.ssl.key]:
        return None
    try:
        context = ssl.create_default_context(cafile=config[rows.ssl_cacertfile.key] or None)
        if config[rows.ssl_certfile.key]:
            keyfile = config[rows.ssl_keyfile.key] or None
            context.load_cert_chain(config[rows.ssl_certfile.key], keyfile)
    except (OSError, ValueError) as error:
        names = f"{rows.ssl_cacertfile.key}, {rows.ssl_certfile.key} and {rows.ssl_keyfile.key}"
        raise ExtensionError(f"Check {names}: {error}") from None
    verifies = config[rows.ssl_verify.key] == "verify_peer"
    context.check_hostname = verifies and config[rows.ssl_name.key]
    if not verifies:
        context.verify_mode = ssl.CERT_NONE
    return context
