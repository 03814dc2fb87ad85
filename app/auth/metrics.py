"""What one plugin of authentication has answered: EMQX's counters, for each plugin its own.

EMQX sums the answers of all plugins under `client.auth.*` and `client.acl.*`; those sums are the broker's.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.broker.reasons import is_explaining


@dataclass(slots=True)
class AuthCounters:
    """Integers with one writer, the loop; anybody may read them."""

    auth_success: int = 0
    auth_ignore: int = 0
    """Clients that the backend does not know."""
    auth_failure: int = 0
    acl_allow: int = 0
    acl_deny: int = 0
    acl_ignore: int = 0
    """Questions that no rule of the backend was about."""

    def __setattr__(self, name: str, value: int) -> None:
        """Count, unless the answer is wanted for its reasons only."""
        if not is_explaining():
            object.__setattr__(self, name, value)

    def snapshot(self) -> dict[str, int]:
        """Return every counter under EMQX's name."""
        return {
            "auth.success": self.auth_success,
            "auth.ignore": self.auth_ignore,
            "auth.failure": self.auth_failure,
            "acl.allow": self.acl_allow,
            "acl.deny": self.acl_deny,
            "acl.ignore": self.acl_ignore,
        }
