"""Reading values out of a query string, with EMQX's words for what cannot be read.

Values come as text from a query string, as JSON's types from a body, and as True from a query key without `=`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from app.errors import ResultCode, ServiceError

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_LARGEST = 10**18
"""Answers repeat numbers, and JSON's writer knows no larger ones than 64 bits hold."""


def not_convertible(value: object, kind: str) -> ServiceError:
    """Return the error for a value of the wrong type, printed as Erlang prints it (4.4, `emqx_mgmt_api_clients`)."""
    text = f"<<{json.dumps(value, ensure_ascii=False)}>>" if isinstance(value, str) else None
    shown = text or json.dumps(value, ensure_ascii=False, default=str)
    return ServiceError(ResultCode.BAD_PARAMETER, f"Can't convert {shown} to {kind} type")


def to_integer(value: object, kind: str = "integer") -> int:
    """Read an integer from text or JSON."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return value
    raise not_convertible(value, kind)


def to_milliseconds(value: object) -> int:
    """Read a time in Unix seconds; what we store is milliseconds."""
    return to_integer(value, "timestamp") * 1000


def to_text(value: object) -> str:
    """Read a text; a JSON number means its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise not_convertible(value, "binary")


def to_ipv4(value: object) -> str:
    """Read a dotted IPv4 address; EMQX takes no other."""
    if isinstance(value, str):
        try:
            return str(IPv4Address(value))
        except AddressValueError:
            pass
    raise not_convertible(value, "ip")


def to_boolean(value: object) -> bool:
    """Read `true` or `false`."""
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise not_convertible(value, "atom")


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of some words."""

    words: tuple[str, ...]

    def __call__(self, value: object) -> str:
        """Return the word, or refuse."""
        if isinstance(value, str) and value in self.words:
            return value
        raise not_convertible(value, "atom")


def one_of(*words: str) -> OneOf:
    """Return a reader that takes one of some words."""
    return OneOf(words)


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter that narrows a list down."""

    parameter: str
    field: str
    """The field of the query that it fills."""
    read: Callable[[object], object]
    unless: str | None = None
    """The exact filter beside which this vague one is not looked at."""


def read_filters(table: tuple[Filter, ...], params: Mapping[str, object]) -> dict[str, object]:
    """Return the query's fields that the parameters fill; unknown parameters are none of our business.

    Raises:
        ServiceError: A value cannot be read.
    """
    return {
        row.field: row.read(params[row.parameter])
        for row in table
        if row.parameter in params and (row.unless is None or row.unless not in params)
    }
