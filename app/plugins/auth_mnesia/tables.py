"""The loop's copy of credentials and rules: what a CONNECT and an ACL check look into without waiting.

It is filled once and then follows every change. All methods must be called on the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.broker.client_info import ClientInfo

EVERYBODY = ("all", "")
"""Kind and login of the rules that hold for all clients."""
Login = tuple[str, str]
"""Kind (`clientid`, `username`) and name."""


class Credential(NamedTuple):
    """What is known of a login."""

    password: str
    """In its stored form."""
    is_superuser: bool

    def __repr__(self) -> str:
        """Show no hash."""
        return f"Credential(is_superuser={self.is_superuser})"


class AclEntry(NamedTuple):
    """One rule."""

    topic: str
    """A filter; levels that are `%c` or `%u` stand for client id and user name."""
    action: str
    """`pub` or `sub`."""
    allows: bool


class MnesiaTables:
    """Credentials by login, rules by login with the newest first."""

    def __init__(self) -> None:
        """Start empty, and with nobody to be told."""
        self.algorithm = "sha256"
        """How passwords are hashed; set while the plugin is loaded."""
        self.rules_changed: Callable[[], None] = lambda: None
        """Told after every change of rules; set while the plugin is loaded."""
        self._credentials: dict[Login, Credential] = {}
        self._rules: dict[Login, tuple[AclEntry, ...]] = {}

    def replace_credentials(self, credentials: dict[Login, Credential]) -> None:
        """Take these for all there are."""
        self._credentials = credentials

    def put_credentials(self, credentials: Mapping[Login, Credential]) -> None:
        """Add or change some."""
        self._credentials.update(credentials)

    def remove_credential(self, login: Login) -> None:
        """Remove one; one that is not there is no error."""
        self._credentials.pop(login, None)

    def credentials_of(self, client: ClientInfo) -> list[Credential]:
        """Return what is known of a client by its id and by its user name."""
        return [self._credentials[login] for login in _logins(client) if login in self._credentials]

    def replace_rules(self, rules: dict[Login, tuple[AclEntry, ...]]) -> None:
        """Take these for all there are."""
        self._rules = rules
        self.rules_changed()

    def put_rules(self, rules: Mapping[Login, Sequence[AclEntry]]) -> None:
        """Replace the rules of some logins; none at all removes theirs."""
        for login, entries in rules.items():
            if entries:
                self._rules[login] = tuple(entries)
            else:
                self._rules.pop(login, None)
        self.rules_changed()

    def rules_for(self, client: ClientInfo) -> Iterator[AclEntry]:
        """Yield the rules that may concern a client: those of its id, of its user name, of everybody."""
        for login in (*_logins(client), EVERYBODY):
            yield from self._rules.get(login, ())

    def login_of(self, client: ClientInfo, rule: AclEntry) -> Login | None:
        """Return whose rule it is that a client was given by `rules_for`."""
        logins = (*_logins(client), EVERYBODY)
        return next(
            (one for one in logins if any(rule is r for r in self._rules.get(one, ()))), None
        )


def _logins(client: ClientInfo) -> tuple[Login, ...]:
    by_id = ("clientid", client.clientid)
    return (by_id, ("username", client.username)) if client.username is not None else (by_id,)
