"""Where a client is searched for and what must be true of its entry, as the operator's parameters say.

A user name is a value: escaped in the name of an entry, and never a part of a filter's text.

Source: EMQX 4.4 `emqx_auth_ldap:prepare_filter`, `replace_vars`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.auth_ldap import (
    LDAP_CUSTOM_BASE_DN,
    LDAP_DEVICE_DN,
    LDAP_FILTERS,
    LDAP_OBJECTCLASS,
    LDAP_SSL,
    LDAP_SSL_CACERTFILE,
    LDAP_SSL_CERTFILE,
    LDAP_SSL_KEYFILE,
    LDAP_SSL_VERIFY,
    LDAP_USERNAME_ATTRIBUTE,
)
from app.plugins.auth_ldap.protocol import AND, OR, equals, escaped, join
from app.plugins.base import ExtensionError

OPERATORS = {"and": AND, "or": OR}
USER = "${user}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter, and how it goes with the next."""

    key: str
    value: str
    op: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """Makes the search for one user."""

    base: str
    conditions: tuple[Condition, ...]

    def base_of(self, username: str) -> str:
        """Return the entry at which the search begins."""
        return self.base.replace(USER, escaped(username))

    def condition_of(self, username: str) -> bytes:
        """Return what must be true of the user's entry; one filter after the other, without precedence."""
        first, *others = self.conditions
        made, op = _equals(first, username), first.op
        for one in others:
            made = join(OPERATORS[op], made, _equals(one, username))
            op = one.op
        return made


def lookup_of(config: Mapping[str, Any]) -> Lookup:
    """Return how users are searched for.

    Raises:
        ExtensionError: A filter has no key or no value.
    """
    names = {
        "${username_attr}": config[LDAP_USERNAME_ATTRIBUTE.key],
        "${device_dn}": config[LDAP_DEVICE_DN.key],
    }

    def fed(text: str) -> str:
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    filters = [Condition(fed(one.key), fed(one.value), one.op) for one in _filters(config)] or [
        Condition("objectClass", config[LDAP_OBJECTCLASS.key], "and")
    ]
    return Lookup(fed(config[LDAP_CUSTOM_BASE_DN.key]), tuple(filters))


def tls_of(config: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Return how connections are secured; None leaves them plain.

    Raises:
        ExtensionError: A file cannot be used.
    """
    if not config[LDAP_SSL.key]:
        return None
    try:
        context = ssl.create_default_context(cafile=config[LDAP_SSL_CACERTFILE.key] or None)
        if config[LDAP_SSL_CERTFILE.key]:
            keyfile = config[LDAP_SSL_KEYFILE.key] or None
            context.load_cert_chain(Path(config[LDAP_SSL_CERTFILE.key]), keyfile)
    except OSError as error:
        # An SSLError is one, too.
        raise ExtensionError(f"The files of auth.ldap.ssl cannot be used: {error}.") from None
    if config[LDAP_SSL_VERIFY.key] == "verify_none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _equals(condition: Condition, username: str) -> bytes:
    return equals(condition.key, condition.value.replace(USER, username))


def _filters(config: Mapping[str, Any]) -> list[Condition]:
    before = LDAP_FILTERS["key"].key.partition("$name")[0]
    numbers = {
        key.removeprefix(before).rpartition(".")[0] for key in config if key.startswith(before)
    } - {"", "$name"}
    found = []
    for number in sorted(numbers, key=lambda text: (len(text), text)):
        key, value = (config.get(f"{before}{number}.{part}", "") for part in ("key", "value"))
        if not key or not value:
            raise ExtensionError(f"Set {before}{number}.key and {before}{number}.value, or none.")
        found.append(Condition(key, value, config.get(f"{before}{number}.op", "and")))
    return found
