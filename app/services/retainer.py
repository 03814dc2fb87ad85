"""Retained messages: how many there are, which topics have one, and forgetting them."""

from __future__ import annotations

from collections.abc import Iterator

from app.broker.retained import RetainedStore, Stored
from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.services.audit import AuditService
from app.services.observation import Door

ALL = "#"
DELETED_AT_ONCE = 500
"""Topics that one crossing forgets, so that the loop is soon free again."""


class RetainerService:
    """Asks the store on the loop, a piece at a time. Request threads share it."""

    def __init__(self, store: RetainedStore, door: Door, audit_log: AuditService) -> None:
        """Take what it works with.

        Args:
            store: The messages; touched on the loop only.
            door: The way to the loop.
            audit_log: Where it is written that messages were cleaned away.
        """
        self._store = store
        self._door = door
        self._audit = audit_log

    def count(self) -> int:
        """Return how many messages are retained."""
        return self._door.call(len, self._store)

    def topics(self, topic_filter: str = ALL) -> list[str]:
        """Return the topics that match a filter and have a message, by name.

        Raises:
            ServiceError: The filter is none.
        """
        try:
            validate_topic_filter(topic_filter)
        except InvalidTopic:
            raise ServiceError(ResultCode.BAD_TOPIC) from None
        walk: Iterator[list[Stored]] = self._door.call(self._store.walk, topic_filter)
        found: list[str] = []
        while (piece := self._door.call(_topics_of_next, walk)) is not None:
            found += piece
        return sorted(found)

    def clean(self, topic_filter: str = ALL) -> int:
        """Forget the messages whose topics match a filter; return how many there were.

        Raises:
            ServiceError: The filter is none.
        """
        topics = self.topics(topic_filter)
        cleaned = 0
        for start in range(0, len(topics), DELETED_AT_ONCE):
            cleaned += self._door.call(self._delete, topics[start : start + DELETED_AT_ONCE])
        self._audit.note("retainer.clean", topic_filter)
        return cleaned

    def _delete(self, topics: list[str]) -> int:
        return sum(self._store.delete(topic) for topic in topics)


def _topics_of_next(walk: Iterator[list[Stored]]) -> list[str] | None:
    """Return the topics of a walk's next piece, None at its end."""
    piece = next(walk, None)
    if piece is None:
        return None
    return [stored.message.topic for stored in piece if stored.message is not None]
