"""InfluxDB's line protocol: one point of a measurement as a line, every character where it is meant to be.

What the protocol has no form for is refused and never changed: a line break in a tag, a backslash in front of what has
to be escaped, a number that is none.

Source: InfluxDB 2 reference, "Line protocol".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from app.rules.errors import ActionFailed

Field = bool | int | float | str
_MEASUREMENT = re.compile(r"([, ])")
_KEY = re.compile(r"([,= ])")
_STRING = re.compile(r'(["\\])')
_UNWRITABLE = re.compile(r"\\(?:[,= ]|$)|[\r\n]")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class Integer(int):
    """A field that is written as an integer, `12i`; any other number is a float."""


def line(
    measurement: str,
    tags: Mapping[str, str],
    fields: Mapping[str, Field],
    timestamp: int,
) -> bytes:
    """Return a point as a line, without its end.

    Args:
        measurement: Its name.
        tags: Those without a text are left out.
        fields: At least one.
        timestamp: In the unit that the request names.

    Raises:
        ActionFailed: Something of it has no form there.
    """
    if not fields:
        raise ActionFailed("a point without a field")
    head = _escaped(measurement, _MEASUREMENT)
    for key in sorted(tags):
        if tags[key]:
            head += f",{_escaped(key, _KEY)}={_escaped(tags[key], _KEY)}"
    body = ",".join(f"{_escaped(key, _KEY)}={_field(value)}" for key, value in fields.items())
    if not _SMALLEST <= timestamp <= _LARGEST:
        raise ActionFailed(f"the timestamp {timestamp} is beyond 64 bits")
    return f"{head} {body} {timestamp}".encode("utf-8", "replace")


def _escaped(text: str, special: re.Pattern[str]) -> str:
    if not text:
        raise ActionFailed("a name that is empty")
    if _UNWRITABLE.search(text):
        raise ActionFailed(f"line protocol has no form for {text[:40]!r} as a name or tag")
    return special.sub(r"\\\1", text)


def _field(value: Field) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Integer():
            # Not by a range: that looks for an integer of a type of its own one by one.
            if not _SMALLEST <= value <= _LARGEST:
                raise ActionFailed(f"the integer {value} is beyond 64 bits")
            return f"{int(value)}i"
        case int() | float():
            return _float(value)
        case _:
            return '"' + _STRING.sub(r"\\\1", value) + '"'


def _float(value: float) -> str:
    try:
        is_finite = math.isfinite(value)
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise ActionFailed(f"{value} is no number")
    return str(value)


def integer(value: Any) -> Integer:
    """Return a value as an integer.

    Raises:
        ActionFailed: It is none.
    """
    if isinstance(value, float) and value.is_integer():
        return Integer(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Integer(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,19}", value.strip(), re.ASCII):
        return Integer(int(value))
    raise ActionFailed(f"{value!r:.40} is no integer")
