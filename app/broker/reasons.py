"""Why a verdict is what it is, said by whoever finds it, while somebody wants it explained.

Whoever answers a question says `because(...)` on the way. Nobody listens as a rule, and then it costs one look. It
knows neither questions nor answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_heard: ContextVar[list[str] | None] = ContextVar("reasons", default=None)


def because(sentence: str, *values: object) -> None:
    """Say why the answer is going to be what it is.

    Args:
        sentence: With a `%s` for each value; never with a password among them.
        values: What goes into it.
    """
    heard = _heard.get()
    if heard is not None:
        heard.append(sentence % values)


def is_explaining() -> bool:
    """Tell whether the question at hand is asked for its reasons only, and leaves no trace in any counter."""
    return _heard.get() is not None


@contextmanager
def listening() -> Iterator[list[str]]:
    """Hear the reasons that are said by what is called, or waited for, within."""
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
