"""The plugin: its place in the authentication chain and among the access rules.

Source: EMQX 4.4 `emqx_auth_ldap`, `emqx_acl_ldap`: whom the directory does not know is left to the next; the topics of
an entry allow, and what is none of them is left to the next rule.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from app.auth.metrics import AuthCounters
from app.backends.breaker import BackendError, UnavailableError
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.hooks import Stop
from app.broker.reasons import because
from app.config.auth_ldap import (
    LDAP_BIND_AS_USER,
    LDAP_BIND_DN,
    LDAP_BIND_PASSWORD,
    LDAP_PASSWORD_ATTRIBUTE,
    LDAP_POOL,
    LDAP_PORT,
    LDAP_ROWS,
    LDAP_SERVERS,
    LDAP_TIMEOUT,
    LDAP_UNAVAILABLE,
)
from app.mqtt.reason_codes import ReasonCode
from app.plugins.acl_topics import is_met
from app.plugins.auth_ldap.directory import Directory, Place
from app.plugins.auth_ldap.lookup import Lookup, lookup_of, tls_of
from app.plugins.auth_ldap.passwords import fits
from app.plugins.auth_ldap.protocol import Entry
from app.plugins.auth_watch import Watch
from app.plugins.base import Context, ExtensionError, Plugin

REFUSED = Stop(Verdict(ReasonCode.BAD_USER_NAME_OR_PASSWORD))
UNAVAILABLE = Stop(Verdict(ReasonCode.SERVER_UNAVAILABLE))
WELCOME = Stop(Verdict(ReasonCode.SUCCESS))
MAX_USERNAME = 512
"""A directory may hang up on questions that are too long, which must not look like an outage."""
IS_ENABLED = "isEnabled"
TOPICS = {"publish": "mqttPublishTopic", "subscribe": "mqttSubscriptionTopic"}
BOTH_TOPICS = "mqttPubSubTopic"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the parameters come to."""

    place: Place
    lookup: Lookup
    password_attribute: str
    binds_as_user: bool


class AuthLdap(Plugin):
    """Authentication and access rules from a directory."""

    name = "emqx_auth_ldap"
    description = "EMQX Authentication/ACL with LDAP"
    type = "auth"
    guards = True
    parameters = LDAP_ROWS

    def __init__(self) -> None:
        """Ask nobody yet."""
        self.counters = AuthCounters()
        self._prepared: Prepared
        self._directory: Directory
        self._watch: Watch
        self._denies = True

    def prepare(self, config: Mapping[str, Any]) -> Prepared:
        """Read the parameters.

        Raises:
            ExtensionError: One cannot be used; the text names it.
        """
        hosts = [host.strip() for host in config[LDAP_SERVERS.key].split(",") if host.strip()]
        if not hosts:
            raise ExtensionError(f"Set {LDAP_SERVERS.key}.")
        if config[LDAP_BIND_DN.key] and not config[LDAP_BIND_PASSWORD.key]:
            raise ExtensionError(f"Set {LDAP_BIND_PASSWORD.key}, or no {LDAP_BIND_DN.key}.")
        place = Place(
            hosts,
            config[LDAP_PORT.key],
            tls_of(config),
            config[LDAP_BIND_DN.key],
            config[LDAP_BIND_PASSWORD.key],
            max(1, round(config[LDAP_TIMEOUT.key])),
        )
        return Prepared(
            place,
            lookup_of(config),
            config[LDAP_PASSWORD_ATTRIBUTE.key],
            config[LDAP_BIND_AS_USER.key],
        )

    def load(self, context: Context) -> None:
        """Join authentication and access rules."""
        core, config = context.core, context.config
        self._prepared = prepared = context.prepared
        self._denies = config[LDAP_UNAVAILABLE.key] == "deny"
        in_a_row = 2 if prepared.binds_as_user else 1
        watch = Watch(core, self.name, "The directory", config[LDAP_TIMEOUT.key], in_a_row)
        directory = Directory(prepared.place, config[LDAP_POOL.key], watch.breaker)
        self._watch, self._directory = watch, directory
        context.hook("client.authenticate", self.authenticate)
        context.hook("client.check_acl", self.check_acl)
        watch.begin(directory.probe)

    def unload(self) -> None:
        """Close the connections."""
        self._watch.end()
        self._directory.close()

    def authenticate(
        self, credentials: Credentials, _verdict: object
    ) -> Awaitable[Stop | None] | Stop | None:
        """Say whether the password is the one that the directory has."""
        username = credentials.client.username
        if not username:
            because("the client says no user name")
            self.counters.auth_ignore += 1
            return None
        if not _may_be_known(username):
            because("no directory has such a user name: NUL, or too long")
            self.counters.auth_failure += 1
            return REFUSED
        return self._authenticate(username, credentials.password or b"")

    async def _authenticate(self, username: str, password: bytes) -> Stop | None:
        wanted = (self._prepared.password_attribute, IS_ENABLED)
        try:
            entry = await self._find(username, wanted)
            is_right = entry is not None and await self._is_right(entry, password)
        except (UnavailableError, BackendError):
            because("the directory does not answer, or with an error: %s", LDAP_UNAVAILABLE.key)
            if not self._denies:
                self.counters.auth_ignore += 1
                return None
            self.counters.auth_failure += 1
            return UNAVAILABLE
        if entry is None or not self._may_be_checked(entry):
            because("the directory has no entry for the user name, or none with a password")
            self.counters.auth_ignore += 1
            return None
        if not is_right:
            disabled = _is_disabled(entry)
            because("%s is not enabled" if disabled else "%s has another password", entry.dn)
            self.counters.auth_failure += 1
            return REFUSED
        because("the password fits that of %s", entry.dn)
        self.counters.auth_success += 1
        return WELCOME

    def _may_be_checked(self, entry: Entry) -> bool:
        """Tell whether there is anything to check a password with, or a reason not to."""
        attribute = self._prepared.password_attribute
        return self._prepared.binds_as_user or _is_disabled(entry) or bool(entry.values(attribute))

    async def _is_right(self, entry: Entry, password: bytes) -> bool:
        if _is_disabled(entry):
            return False
        if self._prepared.binds_as_user:
            return await self._directory.lets_in(entry.dn, password)
        stored = entry.values(self._prepared.password_attribute)
        return any(fits(value, password) for value in stored)

    def check_acl(
        self, client: ClientInfo, action: str, topic: str, _verdict: object
    ) -> Awaitable[Stop | None] | Stop | None:
        """Say what the topics of the client's entry allow."""
        username = client.username
        if not username or username.startswith("$"):
            because("the client says no user name that a directory has topics for")
            self.counters.acl_ignore += 1
            return None
        if not _may_be_known(username):
            because("no directory has such a user name: NUL, or too long")
            self.counters.acl_deny += 1
            return Stop(False)
        return self._check_acl(client, username, action, topic)

    async def _check_acl(
        self, client: ClientInfo, username: str, action: str, topic: str
    ) -> Stop | None:
        wanted = (TOPICS[action], BOTH_TOPICS)
        try:
            entry = await self._find(username, wanted)
        except (UnavailableError, BackendError):
            because("the directory does not answer, or with an error: %s", LDAP_UNAVAILABLE.key)
            self._watch.forget_soon(client)
            if self._denies:
                self.counters.acl_deny += 1
                return Stop(False)
            entry = None
        filters = [_text(one) for name in wanted for one in entry.values(name)] if entry else []
        met = next((one for one in filters if is_met(topic, one, allows=True)), None)
        if met is not None:
            because("the entry of the user name has the topic %s", met)
            self.counters.acl_allow += 1
            return Stop(True)
        because("none of the %s topics of the entry is about it", len(filters))
        self.counters.acl_ignore += 1
        return None

    async def _find(self, username: str, attributes: tuple[str, ...]) -> Entry | None:
        lookup = self._prepared.lookup
        base, condition = lookup.base_of(username), lookup.condition_of(username)
        return await self._directory.find(base, condition, attributes)


def _may_be_known(username: str) -> bool:
    return "\0" not in username and len(username) <= MAX_USERNAME


def _is_disabled(entry: Entry) -> bool:
    return any(value.lower() == b"false" for value in entry.values(IS_ENABLED))


def _text(value: bytes) -> str:
    # A filter that is no UTF-8 meets no topic.
    return value.decode("utf-8", "replace")
