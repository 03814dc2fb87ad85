"""A request waits until what it has changed is safe."""

from __future__ import annotations

import asyncio

from app.broker.ports import NO_STORAGE, NullStorage, Waiting
from app.node.safely import until_safe


class SlowStorage(NullStorage):
    """Becomes a little safer with each look at it."""

    def __init__(self) -> None:
        self.safe = 0
        self.looks = 0

    def when_safe(self, waiting: Waiting) -> None:
        self.looks += 1
        self.safe += 1
        waiting.on_safe()


def test_it_waits_as_long_as_it_takes() -> None:
    storage = SlowStorage()
    asyncio.run(until_safe(storage, 3))
    assert storage.looks == 3


def test_nothing_is_waited_for_without_a_storage() -> None:
    asyncio.run(until_safe(NO_STORAGE, 0))
