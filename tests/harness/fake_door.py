"""The way to plugins and modules without a thread: a broker in memory, asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from app.plugins.host import ExtensionHost
from tests.harness.playbook import Playbook


class FakeDoor(ExtensionHost):
    """Stands for `app.node.extensions.NodeExtensions`; `playbook` is the broker behind it."""

    def __init__(self, playbook: Playbook | None = None) -> None:
        self.playbook = playbook or Playbook()
        super().__init__(self.playbook.core)

    @staticmethod
    def call(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    @staticmethod
    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(coroutine)
