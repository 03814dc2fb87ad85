"""What a built-in function is: what it does, how many values it takes and of which types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.rules.terms.values import Bits, Value

Kinds = frozenset[type] | None

ANY: Kinds = None
TEXT: Kinds = frozenset({str})
BINARY: Kinds = frozenset({str, bytes})
BITS: Kinds = frozenset({str, bytes, Bits})
INTEGER: Kinds = frozenset({int})
FLOAT: Kinds = frozenset({float})
NUMBER: Kinds = frozenset({int, float})
LIST: Kinds = frozenset({list})


@dataclass(frozen=True, slots=True)
class Function:
    """A row of a table of functions."""

    call: Callable[..., Value]
    """Takes as many values as the statement gives; trailing parameters may have defaults."""
    takes: tuple[Kinds, ...] = ()
    """The types of each argument, optional ones included; None takes anything."""
    optional: int = 0
    """How many of the arguments may be left out, counted from the end."""
    sees_scope: bool = False
    """The function is given the scope in front of its arguments."""
    takes_more: bool = False
    """Any number of further arguments of any type may follow."""

    def takes_count(self, count: int) -> bool:
        """Tell whether the function can be called with so many arguments."""
        most = len(self.takes)
        return most - self.optional <= count and (count <= most or self.takes_more)
