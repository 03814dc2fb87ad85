"""What a running statement sees: the columns of an event, what it has computed, and the little that outlives it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from app.rules.terms.errors import RuleError
from app.rules.terms.values import UNDEFINED, Value, decode_json

METADATA = "metadata"
"""The name that every run begins with."""
PAYLOAD = "payload"
NOT_DECODED = object()
_TEXTS = frozenset({str, bytes})
MAX_RUN_S = 1.0
"""Of one statement over one event: it runs where messages are handled, and all others wait."""


@dataclass(slots=True)
class Context:
    """What functions may reach beyond the columns. One is made per rule, or per rule and client."""

    metadata: Mapping[str, Value] | None = None
    """The column `metadata`, `{"rule_id": …}`; None leaves it out."""
    kv_store: MutableMapping[Any, Value] = field(default_factory=dict)
    """What `kv_store_put` keeps: one for the node."""
    proc_dict: MutableMapping[str, MutableMapping[Any, Value]] = field(default_factory=dict)
    """What `proc_dict_put` keeps, by client id: one for the node; whoever runs statements drops those that are gone."""
    now_ns: Callable[[], int] = time.time_ns
    """Nanoseconds since the epoch."""


class Columns(dict[str, Value]):
    """The columns of one event, and its payload's JSON, decoded when a first statement asks for it.

    One is made for an event and given to every statement that hears of it; nobody changes it.
    """

    __slots__ = ("_json", "_text")

    def __init__(self, columns: Mapping[str, Value] | None = None) -> None:
        """Take the columns."""
        super().__init__(columns or {})
        self._text: str | bytes | None = None
        self._json: Value = None

    def __missing__(self, name: str) -> Value:
        return UNDEFINED

    def everything(self) -> Mapping[str, Value]:
        """Return all columns, as `*` copies them."""
        return self

    @property
    def columns(self) -> Columns:
        """Return the columns, as a scope does: what computes nothing under a name needs no scope."""
        return self

    def document(self) -> Value:
        """Return the payload, and where it is a text what its JSON says.

        Raises:
            RuleError: it is no JSON.
        """
        payload = self[PAYLOAD]
        return self.decoded(payload) if type(payload) in _TEXTS else payload

    def decoded(self, text: str | bytes) -> Value:
        """Return what the JSON of a payload says; that of the event's own payload is decoded once.

        Raises:
            RuleError: it is no JSON.
        """
        if text is not self._text:
            self._text = text
            try:
                self._json = decode_json(text)
            except ValueError:
                self._json = NOT_DECODED
        return self._json if self._json is not NOT_DECODED else refuse_text(text)


def refuse_text(text: str | bytes) -> NoReturn:
    """Say which text is no JSON."""
    raise RuleError(f"decode_json_failed: {text[:80]!r}")


class Scope(dict[str, Value]):
    """The names of one run: what it has computed so far, in front of the columns."""

    __slots__ = ("columns", "context", "deadline_s")

    def __init__(self, columns: Columns, context: Context) -> None:
        """Begin with nothing computed."""
        super().__init__()
        self.columns = columns
        self.context = context
        self.deadline_s = time.monotonic() + MAX_RUN_S
        if context.metadata is not None:
            self[METADATA] = context.metadata

    def __missing__(self, name: str) -> Value:
        return self.columns[name]

    def check(self) -> None:
        """Go on, if there is time; asked before whatever takes the longer the more a message holds.

        Raises:
            RuleError: the run has had its time.
        """
        if time.monotonic() > self.deadline_s:
            raise RuleError(f"timeout: a statement runs for {MAX_RUN_S:g} s at most")

    def branch(self) -> Scope:
        """Return a scope that begins with what this one has."""
        copy = Scope.__new__(Scope)
        copy.update(self)
        copy.columns = self.columns
        copy.context = self.context
        copy.deadline_s = self.deadline_s
        return copy
