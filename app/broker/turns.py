"""Work that takes several turns of the loop: who starts it, who wakes it, how it lets others have their turn.

It knows no event loop, so that tests can be the loop.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol


class Turns(Protocol):
    """The broker's core, as those see it who work in slices."""

    @property
    def spawn(self) -> Callable[[Coroutine[Any, Any, None]], None]:
        """Return what runs a coroutine that nobody waits for."""

    def after(self, delay_s: float, callback: Callable[[], None]) -> object:
        """Call back once after so many seconds."""


@types.coroutine
def next_turn() -> Generator[None, None, None]:
    """Let everybody else have a turn."""
    yield
