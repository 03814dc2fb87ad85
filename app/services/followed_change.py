"""A change that the database keeps and the rule engine follows: both, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from app.errors import ServiceError
from app.models import Database


class Identified(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str:
        """Return it."""


R = TypeVar("R", bound=Identified)


@contextmanager
def followed_change(
    database: Database,
    records: dict[str, R],
    wanted: R,
    apply: Callable[[R], None],
    remove: Callable[[str], object],
) -> Iterator[Session]:
    """Open the transaction of a change that the engine is to follow; where either cannot, neither does.

    Args:
        database: Keeps the change.
        records: What was there before, by id; has the change once both have it.
        wanted: The record as it is to be.
        apply: Has the engine work by a record; raises what makes the change impossible.
        remove: Has the engine forget an id.
    """
    before = records.get(wanted.id)
    try:
        with database.session() as session:
            yield session
            session.flush()
            apply(wanted)
    except BaseException:
        with suppress(ServiceError):
            if before is None:
                remove(wanted.id)
            else:
                apply(before)
        raise
    records[wanted.id] = wanted
