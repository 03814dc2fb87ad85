"""What was decided about a client's publishing and subscribing, for as long as that may be relied upon.

One cache a client, for that client's connection. Source: EMQX 4.4 `emqx_acl_cache`: entries by action and topic, the
oldest goes when there are too many. A drain of all caches is a new generation: nobody has to walk the clients.
"""

from __future__ import annotations

from typing import NamedTuple


class AclCacheLimits(NamedTuple):
    """How many verdicts of one client are kept, and for how long."""

    max_size: int
    ttl_ms: int


class AclVerdict(NamedTuple):
    """One remembered verdict, as the API lists it."""

    access: str
    """`publish` or `subscribe`."""
    topic: str
    allowed: bool
    updated_ms: int


class AclCache:
    """The remembered verdicts of one client; oldest first."""

    __slots__ = ("_generation", "_verdicts", "is_asked")

    def __init__(self) -> None:
        """Start with none."""
        self._verdicts: dict[tuple[str, str], AclVerdict] = {}
        self._generation = 0
        self.is_asked = False
        """Whether the verdict that is being told comes from here."""

    def find(self, access: str, topic: str, since_ms: int, generation: int) -> bool | None:
        """Return the verdict, None where there is none that is young enough.

        Args:
            access: `publish` or `subscribe`.
            topic: as the ACL was asked.
            since_ms: older verdicts do not count.
            generation: of all caches; what an earlier one knew is forgotten.
        """
        if generation != self._generation:
            self._verdicts.clear()
            self._generation = generation
            return None
        verdict = self._verdicts.get((access, topic))
        if verdict is None or verdict.updated_ms <= since_ms:
            return None
        return verdict.allowed

    def keep(self, verdict: AclVerdict, max_size: int, generation: int) -> None:
        """Remember a verdict, at the cost of the oldest where there are too many."""
        if generation != self._generation:
            self._verdicts.clear()
            self._generation = generation
        key = (verdict.access, verdict.topic)
        self._verdicts.pop(key, None)
        if len(self._verdicts) >= max_size:
            del self._verdicts[next(iter(self._verdicts))]
        self._verdicts[key] = verdict

    def entries(self, since_ms: int, generation: int) -> list[AclVerdict]:
        """Return the verdicts that still count, newest first as EMQX lists them."""
        if generation != self._generation:
            return []
        return [one for one in reversed(self._verdicts.values()) if one.updated_ms > since_ms]

    def drain(self) -> None:
        """Forget everything."""
        self._verdicts.clear()
