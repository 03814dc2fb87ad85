"""Retained messages: how many there are, which topics have one, what they say, and forgetting them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.broker.message import Message
from app.broker.retained import RetainedStore, Stored
from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.node.proxy import PageRequest
from app.services.audit import AuditService
from app.services.observation import Door

ALL = "#"
DELETED_AT_ONCE = 500
"""Topics that one crossing forgets, so that the loop is soon free again."""
MOST_AT_ONCE = 1_000
"""Messages of the largest page, which are read in one crossing."""


@dataclass(frozen=True, slots=True)
class RetainedRecord:
    """One retained message."""

    id: str
    topic: str
    payload: bytes
    qos: int
    clientid: str | None
    username: str | None
    published_at_ms: int
    properties: Mapping[str, object]
    """Of MQTT 5, under the names of `app.mqtt.properties`."""


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
        pieces = topics_in_pieces(self._store, self._door, topic_filter)
        return sorted(topic for piece in pieces for topic in piece)

    def page(self, topic_filter: str, page: PageRequest) -> tuple[Sequence[RetainedRecord], int]:
        """Return some of the messages whose topics match a filter, by topic, and how many topics there are.

        Args:
            topic_filter: Which topics.
            page: Of at most `MOST_AT_ONCE` rows.

        Raises:
            ServiceError: The filter is none.
        """
        topics = self.topics(topic_filter)
        start = (max(page.page, 1) - 1) * page.limit
        shown = topics[start : start + page.limit]
        return self._door.call(messages_of, self._store, shown), len(topics)

    def get(self, topic: str) -> RetainedRecord:
        """Return the message of a topic.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._door.call(messages_of, self._store, [topic])
        if not found:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found[0]

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


def topics_in_pieces(store: RetainedStore, door: Door, topic_filter: str) -> Iterator[list[str]]:
    """Yield the topics that match a filter and have a message, as many as one crossing to the loop may take.

    Raises:
        ServiceError: The filter is none.
    """
    try:
        validate_topic_filter(topic_filter)
    except InvalidTopic:
        raise ServiceError(ResultCode.BAD_TOPIC) from None
    walk: Iterator[list[Stored]] = door.call(store.walk, topic_filter)
    while (piece := door.call(_topics_of_next, walk)) is not None:
        yield piece


def messages_of(store: RetainedStore, topics: Sequence[str]) -> list[RetainedRecord]:
    """Return the messages of these topics; to be called on the loop."""
    # One may have been forgotten since its topic was found.
    found = (stored.message for topic in topics if (stored := store.get(topic)))
    return [_record(message) for message in found if message is not None]


def _record(message: Message) -> RetainedRecord:
    return RetainedRecord(
        message.id,
        message.topic,
        message.payload,
        message.qos,
        message.clientid,
        message.username,
        message.timestamp_ms,
        dict(message.properties),
    )


def _topics_of_next(walk: Iterator[list[Stored]]) -> list[str] | None:
    """Return the topics of a walk's next piece, None at its end."""
    piece = next(walk, None)
    if piece is None:
        return None
    return [stored.message.topic for stored in piece if stored.message is not None]
