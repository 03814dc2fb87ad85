"""`emqx_recon`: what the node's process does right now, for whoever wonders.

Where EMQX looks into the Erlang machine, here it is the event loop's tasks, the garbage collector, the threads, and who
has joined which hook point. Nothing in it grows with the number of clients.

Source: EMQX 4.4 `emqx_recon`, in its nearest useful sense.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections import Counter

from app.broker.core import BrokerCore
from app.broker.hooks import HOOK_POINTS
from app.plugins.base import Context, Plugin


class Recon(Plugin):
    """Runtime diagnostics."""

    name = "emqx_recon"
    description = "EMQX Recon Plugin"
    loaded_by_default = True

    def __init__(self) -> None:
        """Wait for a broker."""
        self._core: BrokerCore

    def load(self, context: Context) -> None:
        """Know the broker."""
        self._core = context.core

    def look(self) -> dict[str, object]:
        """Return tasks, collector, threads and hooks; called on the loop."""
        return {
            "tasks": dict(_tasks().most_common()),
            "gc": [
                {"generation": number, "waiting": waiting, **stats}
                for number, (waiting, stats) in enumerate(
                    zip(gc.get_count(), gc.get_stats(), strict=True)
                )
            ],
            "threads": sorted(thread.name for thread in threading.enumerate()),
            "switch_interval_s": sys.getswitchinterval(),
            "hooks": {spec.name: self._joined(spec.name) for spec in HOOK_POINTS},
        }

    def _joined(self, point: str) -> list[str]:
        """Return who has joined a hook point, in the order in which they are asked."""
        hook = self._core.hooks.point(point)
        return [hook.owner_of(one) or getattr(one, "__module__", "") for one in hook.callbacks]


def _tasks() -> Counter[str]:
    """Return the coroutines that are under way on this loop, by name; none where no loop runs."""
    found: Counter[str] = Counter()
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:
        return found
    for task in tasks:
        coroutine = task.get_coro()
        found[getattr(coroutine, "__qualname__", type(coroutine).__name__)] += 1
    return found
