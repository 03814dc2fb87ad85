"""The latest messages and events of a rule, kept in memory while somebody wants them, to try statements on.

Theory: a rule that records keeps its events' columns, read at once, so that a statement sees later what the rule saw.
How many, and how many bytes, is bounded; a rule that does not record pays one look at an attribute.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from app.mqtt.topic import matches
from app.rules.events import MESSAGE_PUBLISH, event_of
from app.rules.sql import Columns, Context, Query, RuleError
from app.rules.terms.values import bytes_of, to_json

RECORDINGS_MAX = 16
"""Rules that record at a time."""
RECORDING_MAX_BYTES = 4 * 1024 * 1024
"""Of the payloads that one rule keeps."""
TRIAL_MAX_S = 5.0
"""Of one trial over all that is kept; it runs beside the broker."""


class Recording:
    """What one rule has kept. Written on the loop."""

    def __init__(self, max_len: int) -> None:
        """Begin with nothing."""
        self._kept: deque[Columns] = deque()
        self._max_len = max_len
        self._bytes = 0

    def take(self, columns: Columns) -> None:
        """Keep an event; the oldest ones make room."""
        kept = Columns(columns.everything())
        self._kept.append(kept)
        self._bytes += _size(kept)
        while len(self._kept) > self._max_len or self._bytes > RECORDING_MAX_BYTES:
            self._bytes -= _size(self._kept.popleft())

    def clear(self) -> None:
        """Forget all of it."""
        self._kept.clear()
        self._bytes = 0

    def rows(self) -> tuple[Columns, ...]:
        """Return what is kept, the oldest first; to be called on the loop."""
        return tuple(self._kept)


def _size(columns: Columns) -> int:
    payload = columns["payload"]
    return len(payload) if isinstance(payload, str | bytes) else 0


def try_out(
    query: Query,
    rows: Iterable[Columns],
    rule_id: str,
    now_s: Callable[[], float] = time.monotonic,
) -> bytes:
    """Run a statement over what was recorded.

    Args:
        query: The statement.
        rows: The events.
        rule_id: What the column `metadata` says.
        now_s: Monotonic time.

    Returns:
        A JSON list with an object for each event: the event, its time and topic, and either `result` (for FOREACH a
        list), `no_result` with the reason, or `error`.
    """
    until_s = now_s() + TRIAL_MAX_S
    context = Context(metadata={"rule_id": rule_id})
    tried = []
    for row in rows:
        head = {name: row[name] for name in ("event", "timestamp", "topic") if name in row}
        if now_s() > until_s:
            head["error"] = f"timeout: a trial runs for {TRIAL_MAX_S:g} s at most"
            tried.append(orjson.dumps(head))
            continue
        # The statement may decode and note; what is kept stays as it is.
        tried.append(_joined(head, _outcome(query, Columns(row), context)))
    return b"[%b]" % b",".join(tried)


def _outcome(query: Query, row: Columns, context: Context) -> Mapping[str, Any] | bytes:
    if not _is_about(query, row):
        return {"no_result": "FROM does not match"}
    try:
        results = query.run(row, context=context)
        if not results:
            return {"no_result": "nothing is selected"}
        return bytes_of(to_json(results if query.is_foreach else results[0]))
    except RuleError as error:
        return {"error": str(error)}


def _joined(head: Mapping[str, Any], outcome: Mapping[str, Any] | bytes) -> bytes:
    if isinstance(outcome, bytes):
        return b'%b,"result":%b}' % (orjson.dumps(head)[:-1], outcome)
    return orjson.dumps({**head, **outcome})


def _is_about(query: Query, row: Columns) -> bool:
    for name in query.topics:
        event = event_of(name) or MESSAGE_PUBLISH
        if event.name != row["event"]:
            continue
        if event is not MESSAGE_PUBLISH or matches(str(row["topic"]), name):
            return True
    return False


def shown(rows: Iterable[Columns]) -> bytes:
    """Return what is kept as a JSON list of columns, the oldest first."""
    return b"[%b]" % b",".join(
        bytes_of(to_json({name: value for name, value in row.items() if name != "headers"}))
        for row in rows
    )
