"""Delayed messages: which ones wait, and having one never come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.broker.delayed import Delayed
from app.broker.ports import StoredDelayed
from app.errors import ResultCode, ServiceError
from app.node.proxy import PageRequest
from app.services.audit import AuditService
from app.services.observation import Door

MOST_AT_ONCE = 1_000
"""Messages of the largest page: the loop must soon be free again."""


@dataclass(frozen=True, slots=True)
class DelayedRecord:
    """One message that waits; times in milliseconds."""

    id: str
    topic: str
    """The topic that it is for."""
    payload: bytes
    qos: int
    retain: bool
    clientid: str | None
    username: str | None
    published_at_ms: int
    due_at_ms: int


class DelayedService:
    """Asks the messages on the loop. Request threads share it."""

    def __init__(self, delayed: Delayed, door: Door, audit_log: AuditService) -> None:
        """Take what it works with.

        Args:
            delayed: The messages; touched on the loop only.
            door: The way to the loop.
            audit_log: Where it is written that one was cancelled.
        """
        self._delayed = delayed
        self._door = door
        self._audit = audit_log

    def list(self, page: PageRequest) -> tuple[Sequence[DelayedRecord], int]:
        """Return some of the messages that wait, in the order in which they came, and how many there are.

        Args:
            page: Of at most `MOST_AT_ONCE` rows.
        """
        return self._door.call(self._list, page)

    def _list(self, page: PageRequest) -> tuple[Sequence[DelayedRecord], int]:
        found = self._delayed.waiting(page.start, page.end)
        return [_record(one) for one in found], len(self._delayed)

    def get(self, message_id: str) -> DelayedRecord:
        """Return one that waits.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._door.call(self._delayed.find, message_id)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return _record(found)

    def cancel(self, message_id: str) -> None:
        """Have a message never come.

        Raises:
            ServiceError: NOT_FOUND; it was never there, or has come already.
        """
        if not self._door.call(self._delayed.cancel, message_id):
            raise ServiceError(ResultCode.NOT_FOUND)
        self._audit.note("delayed.cancel", message_id)


def _record(waiting: StoredDelayed) -> DelayedRecord:
    message = waiting.message
    return DelayedRecord(
        message.id,
        waiting.topic,
        message.payload,
        message.qos,
        message.retain,
        message.clientid,
        message.username,
        message.timestamp_ms,
        waiting.due_at_ms,
    )
