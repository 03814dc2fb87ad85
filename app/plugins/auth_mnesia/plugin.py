"""The plugin: its place in the authentication chain and among the access rules.

Source: EMQX 4.4 `emqx_auth_mnesia`, `emqx_acl_mnesia`: whoever is not in the tables is left to the next; one match of
client id or user name suffices; a known login with a wrong password is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.auth.metrics import AuthCounters
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.hooks import Stop
from app.broker.reasons import because, is_explaining
from app.config.extensions import MNESIA_PASSWORD_HASH, MNESIA_SEEDS
from app.mqtt.reason_codes import ReasonCode
from app.plugins.acl_topics import feed, is_met
from app.plugins.auth_mnesia.passwords import fits
from app.plugins.auth_mnesia.tables import AclEntry, Login, MnesiaTables
from app.plugins.base import Context, ExtensionError, Plugin

Fill = Callable[[Mapping[Login, bytes], str], None]
"""Takes passwords by login, and how they are hashed."""
ACTIONS = {"publish": "pub", "subscribe": "sub"}


class AuthMnesia(Plugin):
    """Authentication and access rules from the node's own database."""

    name = "emqx_auth_mnesia"
    description = "EMQX Authentication with Mnesia"
    type = "auth"
    guards = True
    parameters = (MNESIA_PASSWORD_HASH, *(row for rows in MNESIA_SEEDS.values() for row in rows))

    def __init__(self, tables: MnesiaTables, fill: Fill) -> None:
        """Take the loop's copy.

        Args:
            tables: The copy.
            fill: Sees to it that the copy is complete and the seeds are there; called outside the loop.
        """
        self.counters = AuthCounters()
        self._tables = tables
        self._fill = fill

    def prepare(self, config: Mapping[str, Any]) -> None:
        """Fill the copy, and sow the logins that the parameters name.

        Raises:
            ExtensionError: One of them has no name or no password.
        """
        self._fill(seeds(config), config[MNESIA_PASSWORD_HASH.key])

    def load(self, context: Context) -> None:
        """Join authentication and access rules."""
        self._tables.algorithm = context.config[MNESIA_PASSWORD_HASH.key]
        self._tables.rules_changed = context.core.access.drain_caches
        context.hook("client.authenticate", self.authenticate)
        context.hook("client.check_acl", self.check_acl)

    def unload(self) -> None:
        """Tell the broker nothing any more."""
        self._tables.rules_changed = lambda: None

    def authenticate(self, credentials: Credentials, _verdict: object) -> Stop | None:
        """Say whether the password is one of those that are stored for the client."""
        known = self._tables.credentials_of(credentials.client)
        if not known:
            because("neither the client id nor the user name is in the tables")
            self.counters.auth_ignore += 1
            return None
        algorithm = self._tables.algorithm
        met = [one for one in known if fits(one.password, credentials.password, algorithm)]
        if not met:
            because("the login is in the tables, with another password")
            self.counters.auth_failure += 1
            return Stop(Verdict(ReasonCode.BAD_USER_NAME_OR_PASSWORD))
        is_superuser = any(one.is_superuser for one in met)
        because(
            "the password fits, and it is a superuser's" if is_superuser else "the password fits"
        )
        self.counters.auth_success += 1
        return Stop(Verdict(ReasonCode.SUCCESS, is_superuser=is_superuser))

    def check_acl(
        self, client: ClientInfo, action: str, topic: str, _verdict: object
    ) -> Stop | None:
        """Say what the first rule says that meets topic and action."""
        wanted = ACTIONS[action]
        for rule in self._tables.rules_for(client):
            if rule.action != wanted:
                continue
            topic_filter = feed(rule.topic, client)
            if topic_filter is None:
                continue
            if is_met(topic, topic_filter, allows=rule.allows):
                return self._met(client, rule)
        because("no rule of client id, user name or $all is about it")
        self.counters.acl_ignore += 1
        return None

    def _met(self, client: ClientInfo, rule: AclEntry) -> Stop:
        if is_explaining():
            whose = " ".join(self._tables.login_of(client, rule) or ()).strip()
            access = "allow" if rule.allows else "deny"
            because("the rule of %s: %s %s %s", whose, access, rule.action, rule.topic)
        if rule.allows:
            self.counters.acl_allow += 1
        else:
            self.counters.acl_deny += 1
        return Stop(rule.allows)


def seeds(config: Mapping[str, Any]) -> dict[Login, bytes]:
    """Return the passwords of the logins that the parameters name.

    Raises:
        ExtensionError: One has no name or no password.
    """
    found: dict[Login, bytes] = {}
    for kind, (of_login, of_password) in MNESIA_SEEDS.items():
        before, _, after = of_login.key.partition("$name")
        keys = {key for key in config if of_login.takes(key) or of_password.takes(key)}
        for name in sorted({key.removeprefix(before).rpartition(".")[0] for key in keys}):
            login = config.get(before + name + after)
            password = config.get(f"{before}{name}.password")
            if not login or not password:
                raise ExtensionError(
                    f"Set {before}{name}{after} and {before}{name}.password, or none."
                )
            found[kind, login] = password.encode()
    return found
