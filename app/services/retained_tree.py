"""Retained messages as people look at them: branch by branch, by a part of the topic, and one with all about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.broker.retained import Below, RetainedStore, Stored
from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.services.audit import AuditService
from app.services.observation import Door

ALL = "#"


@dataclass(frozen=True, slots=True)
class RetainedMessage:
    """One retained message."""

    topic: str
    payload: bytes
    qos: int
    clientid: str | None
    username: str | None
    published_at_ms: int
    properties: Mapping[str, object]
    """Of MQTT 5, under the names of `app.mqtt.properties`."""


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
        topic_filter = text if is_filter else ALL
        try:
            validate_topic_filter(topic_filter)
        except InvalidTopic:
            raise ServiceError(ResultCode.BAD_TOPIC) from None
        walk: Iterator[list[Stored]] = self._door.call(self._store.walk, topic_filter)
        found: list[str] = []
        while len(found) < count and (piece := self._door.call(_topics_of_next, walk)) is not None:
            found += [topic for topic in piece if is_filter or text in topic]
        return sorted(found[:count])

    def get(self, topic: str) -> RetainedMessage:
        """Return the message of a topic.

        Raises:
            ServiceError: NOT_FOUND.
        """
        stored = self._door.call(self._store.get, topic)
        message = stored.message if stored is not None else None
        if message is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return RetainedMessage(
            message.topic,
            message.payload,
            message.qos,
            message.clientid,
            message.username,
            message.timestamp_ms,
            dict(message.properties),
        )

    def delete(self, topic: str) -> None:
        """Forget the message of a topic.

        Raises:
            ServiceError: NOT_FOUND.
        """
        if not self._door.call(self._store.delete, topic):
            raise ServiceError(ResultCode.NOT_FOUND)
        self._audit.note("retainer.delete", topic)


def _topics_of_next(walk: Iterator[list[Stored]]) -> list[str] | None:
    """Return the topics of a walk's next piece, None at its end."""
    piece = next(walk, None)
    if piece is None:
        return None
    return [stored.message.topic for stored in piece if stored.message is not None]
