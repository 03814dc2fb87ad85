"""Pages of the list of retained messages, on the loop and in slices: nothing is sorted, nothing copied but the page."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import orjson

from app.broker.message import Message
from app.broker.retained import RetainedStore, Stored
from app.node.pager import Pager, cut
from app.node.proxy import PageRequest, RowsPage

T = TypeVar("T")

ALL = "#"
ENCODING = 10
"""A topic is encoded so many times faster than a row is made."""
RetainedRow = Callable[[Message], dict[str, object]]


class Loop(Protocol):
    """What these pages need of the broker's thread."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop."""


class RetainedPages:
    """Lists of what is retained. Request threads share it."""

    def __init__(self, loop: Loop, pager: Pager, store: RetainedStore) -> None:
        """Take the way to the loop, what keeps to the budget of reads, and the messages."""
        self._loop = loop
        self._pager = pager
        self._store = store

    def page(self, topic_filter: str, page: PageRequest, row: RetainedRow) -> RowsPage:
        """Return some of the messages whose topics match a filter.

        All of them come in the order in which their topics began to have a message, those of a filter branch by
        branch; neither changes with newer messages of the same topics. Of a filter nobody counts the rest.

        Args:
            topic_filter: A valid one.
            page: Which rows.
            row: Formats a message, on the loop.
        """
        wanted = (
            self._of_all(page, row) if topic_filter == ALL else self._of(topic_filter, page, row)
        )
        return self._loop.run(self._pager.budget.counted(wanted))

    def topics(self, topic_filter: str) -> bytes:
        """Return the topics that match a filter and have a message, as JSON texts joined by commas, in that order."""
        return self._loop.run(self._pager.budget.counted(self._topics(topic_filter)))

    async def _of_all(self, page: PageRequest, row: RetainedRow) -> RowsPage:
        while True:
            async with self._pager.budget:
                shown = cut(self._store.by_topic, page.start, page.limit)
                found = self._taken(shown)
            # What has expired goes when it is looked at, and what is behind it moves up.
            if len(found) == len(shown):
                break
        total = len(self._store.by_topic)
        rows = await self._pager.rows(found, len(found), _itself, row)
        return RowsPage(rows, total, total > page.end)

    async def _of(self, topic_filter: str, page: PageRequest, row: RetainedRow) -> RowsPage:
        start, end = page.start, page.end
        before, found = 0, list[Message]()
        walk = self._store.branch_by_branch(topic_filter)
        while before + len(found) <= end:
            async with self._pager.budget:
                piece = next(walk, None)
                if piece is None:
                    break
                # Those in front of the page are only counted.
                passed = min(max(start - before, 0), len(piece))
                before += passed
                found += self._taken(piece[passed:])
        count = min(len(found), page.limit)
        rows = await self._pager.rows(found[: page.limit], count, _itself, row)
        return RowsPage(rows, -1, before + len(found) > end)

    async def _topics(self, topic_filter: str) -> bytes:
        if topic_filter == ALL:
            return await self._all_topics()
        parts: list[bytes] = []
        walk = self._store.branch_by_branch(topic_filter)
        more = True
        while more:
            async with self._pager.budget:
                piece = next(walk, None)
                more = piece is not None
                parts.append(self._encoded(piece or ()))
        return b",".join(filter(None, parts))

    async def _all_topics(self) -> bytes:
        parts: list[bytes] = []
        async with self._pager.budget:
            everything = list(self._store.by_topic.values())

        def look(part: Sequence[Stored]) -> bool:
            parts.append(self._encoded(part))
            return False

        await self._pager.look_through(everything, look, ENCODING)
        await self._pager.forget(everything)
        return b",".join(filter(None, parts))

    def _encoded(self, piece: Sequence[Stored]) -> bytes:
        return orjson.dumps([message.topic for message in self._taken(piece)])[1:-1]

    def _taken(self, piece: Sequence[Stored]) -> list[Message]:
        return [found for stored in piece if (found := self._store.take(stored)) is not None]


def _itself(message: Message) -> Message:
    return message
