"""The loop's copy of SCRAM users: what an exchange looks into without waiting.

It is filled once and then follows every change. All methods must be called on the loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.broker.scram import ScramCredentials

User = tuple[str, str]
"""Mechanism, and name after SASLprep."""


class SaslTables:
    """What is kept of the users of all mechanisms."""

    def __init__(self) -> None:
        """Start empty."""
        self._users: dict[User, ScramCredentials] = {}

    def replace(self, users: Mapping[User, ScramCredentials]) -> None:
        """Take these for all there are."""
        self._users = dict(users)

    def put(self, user: User, credentials: ScramCredentials) -> None:
        """Add or change one."""
        self._users[user] = credentials

    def remove(self, user: User) -> None:
        """Remove one; one that is not there is no error."""
        self._users.pop(user, None)

    def find(self, user: User) -> ScramCredentials | None:
        """Return what is kept of one."""
        return self._users.get(user)


@dataclass(frozen=True, slots=True)
class UsersOf:
    """The users of one mechanism (`app.broker.scram.CredentialStore`)."""

    mechanism: str
    tables: SaslTables

    def find(self, username: str) -> ScramCredentials | None:
        """Return what is kept of a user, by its name after SASLprep."""
        return self.tables.find((self.mechanism, username))
