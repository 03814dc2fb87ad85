"""Acknowledgements that wait for somebody else's disk as they wait for the broker's storage: one gate over both.

Theory: who publishes looks at the gate's mark before and after; where it has grown, the acknowledgement waits until
the gate is safe up to there. Our mark is the sum of both marks. A sum alone does not say which of the two is behind, so
what both were is noted whenever a new sum is given out, and the gate is safe up to the last sum whose two marks are.
A gate is a storage, so a second one may stand before it. To be used on the loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

from app.broker.core import BrokerCore
from app.broker.ports import StoragePort, Waiting

BEHIND = 10_000
"""What may wait to be written before publishers have to wait, too."""


class Keeper(Protocol):
    """Somebody who writes down what was published, besides the broker's storage: the outbox, queues of bridges."""

    mark: int
    """Grows with everything that it takes."""
    safe: int
    """What it took up to this mark is on disk, or is known not to be."""

    def when_safe(self, call: Callable[[], None]) -> None:
        """Have something called once, the next time that `safe` grows."""


class Gate:
    """A storage that is safe when the one behind it and a keeper are; all else is the storage's."""

    def __init__(self, storage: StoragePort, keeper: Keeper) -> None:
        """Begin with what either has promised so far."""
        self._storage = storage
        self._keeper = keeper
        self._keeper_before = keeper.mark
        self._promises: deque[tuple[int, int, int]] = deque()
        """Sums that were given out, and both marks of each."""
        self._last = storage.mark
        self._safe = min(storage.safe, storage.mark)
        if self._safe < self._last:
            self._promises.append((self._last, storage.mark, keeper.mark))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    @property
    def mark(self) -> int:
        """Return the sum of both marks."""
        behind, keeper = self._storage.mark, self._keeper.mark
        both = behind + keeper - self._keeper_before
        if both != self._last:
            self._last = both
            self._promises.append((both, behind, keeper))
        return both

    @property
    def safe(self) -> int:
        """Return up to which sum both are safe."""
        behind, keeper = self._storage.safe, self._keeper.safe
        promises = self._promises
        while promises and promises[0][1] <= behind and promises[0][2] <= keeper:
            self._safe = promises.popleft()[0]
        return self._safe

    @property
    def is_behind(self) -> bool:
        """Tell whether so much waits to be written that no more should be taken in."""
        return self._storage.is_behind or self._keeper.mark - self._keeper.safe > BEHIND

    def when_safe(self, waiting: Waiting) -> None:
        """Have somebody called once, the next time that the one that is behind gets further."""
        if self.safe >= self._last:
            waiting.on_safe()
        elif self._promises[0][1] > self._storage.safe:
            self._storage.when_safe(waiting)
        else:
            self._keeper.when_safe(waiting.on_safe)

    def is_for(self, keeper: Keeper) -> bool:
        """Tell whether acknowledgements wait for a keeper here, or at a gate behind this one."""
        behind = self._storage
        return self._keeper is keeper or (isinstance(behind, Gate) and behind.is_for(keeper))


def close_gate(core: BrokerCore, keeper: Keeper) -> None:
    """Have acknowledgements wait for a keeper from now on; doing it twice is no error."""
    if not (isinstance(core.storage, Gate) and core.storage.is_for(keeper)):
        core.storage = cast("StoragePort", Gate(core.storage, keeper))
