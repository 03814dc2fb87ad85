"""The sections of an export file and the tables behind them: one row a table, for export, import and difference.

A section is EMQX's word (`blacklist`, `auth_mnesia`); a table may be filled from several of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.models import AclRule, App, Banned, Base, MqttCredential, Resource, Rule, Schema, User


@dataclass(frozen=True, slots=True)
class Section:
    """One table of what is exported, under the name of its newest section."""

    name: str
    model: type[Base]
    key: tuple[str, ...]
    """Columns that tell rows apart."""
    hidden: frozenset[str] = frozenset()
    """Columns of which a difference tells that they change, never what they hold."""


RESOURCES = Section("resources", Resource, ("id",), frozenset({"config_encrypted"}))
RULES = Section("rules", Rule, ("id",), frozenset({"actions"}))
BLACKLIST = Section("blacklist", Banned, ("kind", "who"))
APPS = Section("apps", App, ("app_id",), frozenset({"secret_encrypted"}))
USERS = Section("users", User, ("username",), frozenset({"password_hash"}))
CREDENTIALS = Section(
    "auth_mnesia", MqttCredential, ("kind", "login"), frozenset({"password_hash"})
)
ACL = Section("acl_mnesia", AclRule, ("kind", "login", "action", "topic_sha256"))
SCHEMAS = Section("schemas", Schema, ("name",))

SECTIONS = (RESOURCES, RULES, BLACKLIST, APPS, USERS, CREDENTIALS, ACL, SCHEMAS)
"""In the order in which EMQX imports them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row as a file wants it to be."""

    section: Section
    key: tuple[str, ...]
    values: Mapping[str, object]
    """Columns that an import sets, on new rows and on those that are there."""
    initial: Mapping[str, object] = field(default_factory=dict)
    """Columns that only a new row takes from here."""
    sealed: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Columns that are encrypted at rest, in plain text."""

    @property
    def shown(self) -> str:
        """Return the key as a report shows it, without the digests that stand for long texts."""
        parts = self.key[:-1] if self.section is ACL else self.key
        tail = [str(self.values["topic"])] if self.section is ACL else []
        return " ".join([*parts, *tail])
