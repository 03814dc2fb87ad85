"""Acknowledgements that wait for the outbox as they wait for the broker's storage: one gate over both.

Theory: who publishes looks at the gate's mark before and after; where it has grown, the acknowledgement waits until
the gate is safe up to there. Our mark is the sum of both marks. A sum alone does not say which of the two is behind, so
what both were is noted whenever a new sum is given out, and the gate is safe up to the last sum whose two marks are.
To be used on the loop.
"""

from __future__ import annotations

from collections import deque
from typing import Any, cast

from app.broker.core import BrokerCore
from app.broker.ports import StoragePort, Waiting
from app.rules.outbox.file import Outbox

BEHIND = 10_000
"""Results that may wait to be written before publishers have to wait, too."""


class OutboxGate:
    """A storage that is safe when the one behind it and the outbox are; all else is the storage's."""

    def __init__(self, storage: StoragePort, outbox: Outbox) -> None:
        """Begin with what either has promised so far."""
        self._storage = storage
        self._outbox = outbox
        self._outbox_before = outbox.mark
        self._promises: deque[tuple[int, int, int]] = deque()
        """Sums that were given out, and both marks of each."""
        self._last = storage.mark
        self._safe = min(storage.safe, storage.mark)
        if self._safe < self._last:
            self._promises.append((self._last, storage.mark, outbox.mark))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    @property
    def mark(self) -> int:
        """Return the sum of both marks."""
        behind, outbox = self._storage.mark, self._outbox.mark
        both = behind + outbox - self._outbox_before
        if both != self._last:
            self._last = both
            self._promises.append((both, behind, outbox))
        return both

    @property
    def safe(self) -> int:
        """Return up to which sum both are safe."""
        behind, outbox = self._storage.safe, self._outbox.safe
        promises = self._promises
        while promises and promises[0][1] <= behind and promises[0][2] <= outbox:
            self._safe = promises.popleft()[0]
        return self._safe

    @property
    def is_behind(self) -> bool:
        """Tell whether so much waits to be written that no more should be taken in."""
        return self._storage.is_behind or self._outbox.mark - self._outbox.safe > BEHIND

    def when_safe(self, waiting: Waiting) -> None:
        """Have somebody called once, the next time that the one that is behind gets further."""
        if self.safe >= self._last:
            waiting.on_safe()
        elif self._promises[0][1] > self._storage.safe:
            self._storage.when_safe(waiting)
        else:
            self._outbox.when_safe(waiting.on_safe)


def close_gate(core: BrokerCore, outbox: Outbox) -> None:
    """Have acknowledgements wait for the outbox from now on; doing it twice is no error."""
    if not isinstance(core.storage, OutboxGate):
        core.storage = cast("StoragePort", OutboxGate(core.storage, outbox))
