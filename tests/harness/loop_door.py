"""The way to a loop that really runs, in a thread of its own, which is started when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.node.loop_thread import LoopThread


class LoopDoor:
    """Stands for `app.node.extensions.NodeExtensions` where what is called makes tasks."""

    def __init__(self) -> None:
        self._thread = LoopThread(10.0)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        if not self._thread.is_alive:
            self._thread.start()
        return self._thread.call(function, *args)

    def close(self) -> None:
        self._thread.stop(10.0)
