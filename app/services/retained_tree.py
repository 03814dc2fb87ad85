"""Retained messages as people look at them: branch by branch, by a part of the topic, and one with all about it."""

from __future__ import annotations

from collections.abc import Sequence

from app.broker.retained import Below, RetainedStore
from app.errors import ResultCode, ServiceError
from app.node.retained_pages import ALL
from app.services.audit import AuditService
from app.services.observation import Door
from app.services.retainer import RetainedRecord, messages_of, topics_in_pieces


class RetainedTreeService:
    """Asks the store on the loop, a piece at a time. Request threads share it."""

    def __init__(self, store: RetainedStore, door: Door, audit_log: AuditService) -> None:
        """Take what it works with.

        Args:
            store: The messages; touched on the loop only.
            door: The way to the loop.
            audit_log: Where it is written that a message was deleted.
        """
        self._store = store
        self._door = door
        self._audit = audit_log

    def below(self, levels: Sequence[str], count: int) -> tuple[list[Below], int]:
        """Return the levels of topic names directly below one, by name, and how many there are.

        Args:
            levels: The names that lead there; none for the first levels.
            count: How many to return at most.
        """
        found, total = self._door.call(self._store.below, list(levels), count)
        return sorted(found), total

    def search(self, text: str, count: int) -> list[str]:
        """Return topics that have a message and match a filter, or hold a text that is none.

        Args:
            text: With a wildcard it is a filter, without one a part of a topic.
            count: How many to find at most.

        Raises:
            ServiceError: The filter is none.
        """
        is_filter = "+" in text or "#" in text
        found: list[str] = []
        for piece in topics_in_pieces(self._store, self._door, text if is_filter else ALL):
            found += [topic for topic in piece if is_filter or text in topic]
            if len(found) >= count:
                break
        return sorted(found[:count])

    def get(self, topic: str) -> RetainedRecord:
        """Return the message of a topic.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._door.call(messages_of, self._store, [topic])
        if not found:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found[0]

    def delete(self, topic: str) -> None:
        """Forget the message of a topic.

        Raises:
            ServiceError: NOT_FOUND.
        """
        if not self._door.call(self._store.delete, topic):
            raise ServiceError(ResultCode.NOT_FOUND)
        self._audit.note("retainer.delete", topic)
