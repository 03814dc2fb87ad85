"""What calls take and answer, said by example: the words in which endpoint tables describe themselves.

An example says the type and is shown as one: `{"topic": "a/b", "qos": 1}` is an object of a text and a whole number.
What no example can say (a closed set, either of two, any name) has a word here. Knows neither Flask nor OpenAPI;
`app.api.openapi` makes documents of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.services.query import (
    Filter,
    OneOf,
    to_boolean,
    to_integer,
    to_ipv4,
    to_milliseconds,
)

NODE = "godwit@127.0.0.1"

Example = object
"""JSON's values, lists of one example, the words below, or a marshmallow schema's class."""


@dataclass(frozen=True, slots=True)
class Word:
    """One of a closed set of values; the first is the example."""

    words: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any of several; the first is the example."""

    choices: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number within bounds."""

    example: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class ByName:
    """An object of any names whose values are alike."""

    name: str
    """The name in the example."""
    value: Example


@dataclass(frozen=True, slots=True)
class Row:
    """An object of known members."""

    title: str
    """Under which the documents keep it; empty for one that is said where it stands."""
    members: Mapping[str, Example]
    optional: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    """Members that its example leaves out."""

    def hiding(self, *names: str) -> Row:
        """Return it with these members left out of the example, as they do not go with the others."""
        return replace(self, hidden=frozenset(names))


class _Anything:
    """Any JSON value."""


ANYTHING = _Anything()


def row(title: str = "", /, *optional: str, **members: Example) -> Row:
    """Return an object of these members, of which the optional ones may be left out."""
    return Row(title, members, frozenset(optional))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A member of the query string."""

    name: str
    example: Example
    format: str = ""
    """JSON Schema's, where the type alone says too little."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a call takes and answers, apart from its path."""

    answer: Example
    """The body of a success, as JSON."""
    query: tuple[Parameter, ...] = ()
    body: Example | None = None
    media: Mapping[str, str] = field(default_factory=dict)
    """Further content types of a success, and when they come."""
    statuses: Mapping[int, Example] = field(default_factory=dict)
    """Further HTTP statuses, and the JSON bodies that come with them."""


UNDESCRIBED = Description(ANYTHING)
"""What is known of a call that has not said more, such as one of a plugin."""

_READ_AS: Mapping[object, tuple[Example, str]] = {
    to_integer: (1, ""),
    to_milliseconds: (1_700_000_000, ""),
    to_boolean: (True, ""),
    to_ipv4: ("127.0.0.1", "ipv4"),
}


def parameters_of(filters: tuple[Filter, ...]) -> tuple[Parameter, ...]:
    """Return the parameters that a table of filters reads."""
    return tuple(_parameter(one) for one in filters)


def _parameter(one: Filter) -> Parameter:
    if isinstance(one.read, OneOf):
        return Parameter(one.parameter, Word(one.read.words))
    return Parameter(one.parameter, *_READ_AS.get(one.read, ("", "")))
