"""Retained messages: how many there are, which topics have one, what they say, and forgetting them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from app.broker.message import Message
from app.broker.retained import RetainedStore, Stored
from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.node.proxy import PageRequest, RowsPage
from app.node.retained_pages import ALL, RetainedPages
from app.services.audit import AuditService
from app.services.observation import Door

DELETED_AT_ONCE = 500
"""Topics that one crossing forgets, so that the loop is soon free again."""


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


RetainedRow = Callable[[RetainedRecord], dict[str, object]]


class RetainerService:
    """Asks the store on the loop, a piece at a time. Request threads share it."""

    def __init__(
        self, store: RetainedStore, pages: RetainedPages, door: Door, audit_log: AuditService
    ) -> None:
        """Take what it works with.

        Args:
            store: The messages; touched on the loop only.
            pages: The lists of them.
            door: The way to the loop.
            audit_log: Where it is written that messages were cleaned away.
        """
        self._store = store
        self._pages = pages
        self._door = door
        self._audit = audit_log

    def count(self) -> int:
        """Return how many messages are retained."""
        return self._door.call(len, self._store)

    def topics(self, topic_filter: str = ALL) -> bytes:
        """Return the topics that match a filter and have a message, as JSON texts joined by commas.

        Raises:
            ServiceError: The filter is none.
        """
        _validate(topic_filter)
        return self._pages.topics(topic_filter)

    def page(self, topic_filter: str, page: PageRequest, row: RetainedRow) -> RowsPage:
        """Return some of the messages whose topics match a filter, in the store's own order.

        Args:
            topic_filter: Which topics.
            page: Which rows.
            row: Formats a record, on the loop.

        Raises:
            ServiceError: The filter is none.
        """
        _validate(topic_filter)
        return self._pages.page(topic_filter, page, lambda message: row(record_of(message)))

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
        pieces = topics_in_pieces(self._store, self._door, topic_filter)
        # All are found before one is deleted: what is published meanwhile stays.
        topics = list(chain.from_iterable(pieces))
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
    _validate(topic_filter)
    walk: Iterator[list[Stored]] = door.call(store.walk, topic_filter)
    while (piece := door.call(_topics_of_next, walk)) is not None:
        yield piece


def messages_of(store: RetainedStore, topics: Sequence[str]) -> list[RetainedRecord]:
    """Return the messages of these topics; to be called on the loop."""
    # One may have been forgotten since its topic was found.
    found = (stored.message for topic in topics if (stored := store.get(topic)))
    return [record_of(message) for message in found if message is not None]


def _validate(topic_filter: str) -> None:
    try:
        validate_topic_filter(topic_filter)
    except InvalidTopic:
        raise ServiceError(ResultCode.BAD_TOPIC) from None


def record_of(message: Message) -> RetainedRecord:
    """Return a message as a frozen fact."""
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
