"""The subscribers that take longest to get their messages."""

from __future__ import annotations

from app.broker.slow_subs import SlowSubs, SlowSubscription
from app.services.observation import Door, require


class SlowSubscriptionsService:
    """Shows the ranking of this node. Every method raises `ServiceError` while the module is not loaded."""

    def __init__(self, door: Door, node_name: str, engine: SlowSubs | None = None) -> None:
        """Take the way to the loop, and what ranks there."""
        self.engine = engine or SlowSubs()
        self.node_name = node_name
        self._door = door

    def list(self) -> list[SlowSubscription]:
        """Return the ranking, the slowest first."""
        require(self.engine)
        return self._door.call(self.engine.ranking)

    def clear(self) -> None:
        """Forget the ranking."""
        require(self.engine)
        self._door.call(self.engine.clear)
