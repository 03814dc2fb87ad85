"""Connections that were closed are gone before their loop is: some drivers say goodbye in later turns of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

PATIENCE_S = 10.0
LOOK_EVERY_S = 0.005


def open_sockets() -> int:
    """Count the sockets of this process."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += descriptor.readlink().name.startswith("socket:")
        except OSError:
            continue  # closed meanwhile
    return count


async def sockets_end(left: int) -> None:
    """Let the loop turn until no more sockets than these are open; what stays is for the loop to complain about."""
    deadline = monotonic() + PATIENCE_S
    while open_sockets() > left and monotonic() < deadline:  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(LOOK_EVERY_S)
