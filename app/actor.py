"""Who acts right now: a context variable, set where a request or a command comes in.

The audit log and the log's lines ask it, so nobody hands it from room to room. A leaf: imports nothing from the
application.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["app", "user", "cli", "system", "nobody"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something."""

    kind: ActorKind
    """An application, a dashboard user, the command line, the node itself, or a request without a login."""
    name: str
    address: str = ""
    """Where the request came from; empty for what came from no network."""
    request_id: str = ""


SYSTEM = Actor("system", "godwit")


@dataclass(slots=True)
class Act:
    """What somebody is doing, and how many changes were recorded of it."""

    actor: Actor
    recorded: int = 0


_act: ContextVar[Act | None] = ContextVar("act", default=None)


@contextmanager
def acting(actor: Actor) -> Iterator[Act]:
    """Have everything within the block be done by `actor`."""
    act = Act(actor)
    token = _act.set(act)
    try:
        yield act
    finally:
        _act.reset(token)


def current_act() -> Act | None:
    """Return what is being done right now; None where nobody said that he acts."""
    return _act.get()


def current_actor() -> Actor:
    """Return who acts right now; what nobody claims is done by the system itself."""
    act = _act.get()
    return SYSTEM if act is None else act.actor


def login_name() -> str:
    """Return who runs this process, for commands that somebody types."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # An account without a name, as containers have them.
        return f"uid {os.getuid()}"
