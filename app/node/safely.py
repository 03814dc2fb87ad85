"""Waiting for the storage: what a request is told to have been done is on the disk."""

from __future__ import annotations

import asyncio

from app.broker.ports import StoragePort


class _NextTime:
    """Hears once that the storage is safer than before."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def on_safe(self) -> None:
        self.came.set()


async def until_safe(storage: StoragePort, mark: int) -> None:
    """Wait until what was said up to a mark is safe."""
    while storage.safe < mark:
        following = _NextTime()
        storage.when_safe(following)
        await following.came.wait()
