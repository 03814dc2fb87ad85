"""Values as statements see them, and how they become text, JSON and numbers.

Erlang's terms in Python's types: a binary that is UTF-8 is `str` and any other one `bytes`, JSON's null is None, a map
is a dict with texts for keys. What is not there is `UNDEFINED`, which JSON writes as the text "undefined". Values are
never changed in place: results share their parts with the message they came from.

Source: EMQX 4.4 `emqx_rule_utils`; jiffy for JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from app.rules.terms.errors import RuleError

Value = Any
"""None, bool, int, float, str, bytes, list, dict, `UNDEFINED` or `Bits`."""


class Undefined(StrEnum):
    """The type of `UNDEFINED`; a text, so that whoever writes results needs not know it."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED

MAX_TEXT = 4_194_304
"""Characters or bytes of a text that a statement makes."""
MAX_BITS = 8_192
"""Of an integer that a statement makes; Python writes no decimal number of more than 4,300 digits."""
MAX_PARTS = 200_000
"""Of a list or map that a statement makes, those of its parts included."""
FLOAT_DECIMALS = 17

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_LATIN1_PRINTABLE = frozenset((*range(8, 14), 27, *range(32, 127), *range(160, 256)))


@dataclass(frozen=True, slots=True)
class Bits:
    """A run of bits that is no whole number of bytes."""

    number: int
    size: int


def text_of_bytes(data: bytes) -> str | bytes:
    """Return a binary in its one form: text where it is UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def bytes_of(text: str | bytes) -> bytes:
    """Return a text or binary as bytes."""
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


decode_json: Final[Callable[[str | bytes], Value]] = orjson.loads
"""Returns what a JSON text says; raises `ValueError` where it is none."""


def to_json(value: Value) -> str:
    """Return a value as JSON; bytes that are no UTF-8 become replacement characters.

    Raises:
        RuleError: JSON cannot hold it.
    """
    try:
        return orjson.dumps(
            value, default=_for_json, option=orjson.OPT_PASSTHROUGH_DATACLASS
        ).decode()
    except TypeError:
        pass
    # An integer beyond 64 bits: JSON has it, the quick writer has not.
    try:
        return json.dumps(value, default=_for_json, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise RuleError(f"json_encode: {error}") from None


def _for_json(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def to_text(value: Value) -> str | bytes:
    """Return a value as `str()` and the templates write it.

    Raises:
        RuleError: it has no such form.
    """
    if type(value) is str or type(value) is bytes:
        return value
    if isinstance(value, list):
        return _list_to_text(value)
    if isinstance(value, dict):
        return to_json(value)
    if isinstance(value, float):
        return float_to_text(value, FLOAT_DECIMALS)
    return atom_to_text(value)


def atom_to_text(value: Value) -> str:
    """Return a boolean, a null or an integer as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value is None:
        return "null"
    if value is UNDEFINED:
        return str(value)
    raise RuleError(f"invalid_bin: {type(value).__name__}")


def _list_to_text(items: list[Value]) -> str | bytes:
    """Return a list of printable Latin-1 codes as the text they spell, as Erlang would, any other one as JSON."""
    if all(type(item) is int and item in _LATIN1_PRINTABLE for item in items):
        return text_of_bytes(bytes(items))
    return to_json(items)


def float_to_text(value: float, decimals: int) -> str:
    """Return a float with at most `decimals` decimals and no zeros at the end but the first."""
    if not 0 <= decimals <= 253:
        raise RuleError("badarg: decimals are 0 to 253")
    digits = f"{value:.{decimals}f}"
    if decimals == 0:
        return digits
    digits = digits.rstrip("0")
    return f"{digits}0" if digits.endswith(".") else digits


def number_of(text: str | bytes) -> int | float:
    """Return the number that a text spells, as Erlang spells them.

    Raises:
        RuleError: it spells none.
    """
    if isinstance(text, str):
        if _INTEGER.fullmatch(text):
            return bounded(_int(text))
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
    raise RuleError(f"badarg: {text[:40]!r} is no number")


def _int(text: str) -> int:
    if len(text) > 4_000:
        raise RuleError("system_limit: an integer of too many digits")
    return int(text)


def bounded(number: int) -> int:
    """Return an integer that is not too large to go on with."""
    if number.bit_length() > MAX_BITS:
        raise RuleError("system_limit: an integer of too many bits")
    return number


def finite(number: float) -> float:
    """Return a float; Erlang has no infinities."""
    if not math.isfinite(number):
        raise RuleError("badarith: the result is no number")
    return number


def bounded_text(text: str | bytes) -> str | bytes:
    """Return a text that is not too long to go on with."""
    if len(text) > MAX_TEXT:
        raise RuleError(f"system_limit: a text of more than {MAX_TEXT} characters")
    return text


def too_many_parts() -> RuleError:
    """Return the error of what has more than `MAX_PARTS`."""
    return RuleError(f"system_limit: a list or map of more than {MAX_PARTS} parts")


def weighed(value: Value) -> Value:
    """Return a list or map that is not too large, its parts counted as often as they stand in it.

    Without this, a list that holds the last one twice, sixty times over, would be small here and fill the
    memory as JSON.
    """
    left = MAX_PARTS
    waiting: list[Iterable[Value]] = [(value,)]
    while waiting:
        for part in waiting.pop():
            left -= 1
            if type(part) is list:
                waiting.append(part)
            elif type(part) is dict:
                waiting.append(part.values())
            elif type(part) is str:
                left -= len(part) >> 10
        if left < 0:
            raise too_many_parts()
    return value
