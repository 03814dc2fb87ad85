"""Who may do what: every route names the right that it needs, and a role has some of them.

The same rule as the API's: a viewer looks, an operator acts, and only an administrator touches users, applications,
exports and the audit log, or looks at them.
"""

from __future__ import annotations

from enum import Enum


class Right(Enum):
    """What a route needs."""

    READ = "read"
    """Looking at what everybody may see; also what everybody may do with himself, such as his own password."""
    OPERATE = "operate"
    """Acting on clients, rules, plugins and so on."""
    ADMINISTER = "administer"
    """Users, applications, data export and import, the audit log: also to look at."""


ROLES: dict[str, frozenset[Right]] = {
    "administrator": frozenset(Right),
    "operator": frozenset({Right.READ, Right.OPERATE}),
    "viewer": frozenset({Right.READ}),
}
"""A role that is not here may do what a viewer may."""


def allows(role: str, right: Right) -> bool:
    """Tell whether a role has a right."""
    return right in ROLES.get(role, ROLES["viewer"])
