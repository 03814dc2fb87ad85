"""Functions that make one type of value of another."""

from __future__ import annotations

import binascii
import math

from app.rules.functions.function import ANY, BINARY, FLOAT, INTEGER, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.values import (
    Value,
    bytes_of,
    decode_json,
    finite,
    float_to_text,
    number_of,
    text_of_bytes,
    to_text,
)

_BOOLEANS = {"true": True, "false": False, 1: True, 0: False}


def str_utf8(value: Value) -> str:
    """Return a value as text; a list of characters and texts is put together.

    Raises:
        RuleError: it has no such form, or is no UTF-8.
    """
    text = "".join(map(_characters, value)) if type(value) is list else to_text(value)
    if not isinstance(text, str):
        raise RuleError("badarg: the text is no UTF-8")
    return text


def _characters(item: Value) -> str:
    if type(item) is str:
        return item
    if type(item) is list:
        return "".join(map(_characters, item))
    if type(item) is int and 0 <= item <= 0x10FFFF and not 0xD800 <= item <= 0xDFFF:
        return chr(item)
    raise RuleError("badarg: a list of characters holds something else")


def to_bool(value: Value) -> bool:
    """Return a boolean of true, 'true', 1, false, 'false' or 0.

    Raises:
        RuleError: it is none of these.
    """
    if isinstance(value, bool | int | float | str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise RuleError("invalid_boolean")


def to_int(value: Value) -> int:
    """Return an integer of a number, a text that spells one, or a boolean; floats lose their fraction downwards.

    Raises:
        RuleError: it is none of these.
    """
    if type(value) is str:
        value = number_of(value)
    if type(value) is float:
        return math.floor(value)
    if type(value) is int or type(value) is bool:
        return int(value)
    raise RuleError("invalid_number")


def to_float(value: Value) -> float:
    """Return a float of a number or a text that spells one.

    Raises:
        RuleError: it is neither.
    """
    if type(value) is str:
        value = number_of(value)
    if type(value) is not int and type(value) is not float:
        raise RuleError("invalid_number")
    try:
        return finite(float(value))
    except OverflowError:
        raise RuleError("badarg: too large for a float") from None


def to_map(value: Value) -> dict[str, Value]:
    """Return a map of one, or of its JSON.

    Raises:
        RuleError: it is neither.
    """
    if type(value) is str:
        try:
            value = decode_json(value)
        except ValueError as error:
            raise RuleError(f"invalid_map: {error}") from None
    if type(value) is not dict:
        raise RuleError("invalid_map")
    return value


def bin2hexstr(value: str | bytes) -> str:
    """Return the bytes of a binary in upper-case hexadecimal digits."""
    return bytes_of(value).hex().upper()


def hexstr2bin(value: str | bytes) -> str | bytes:
    """Return the bytes that hexadecimal digits spell; of an odd number, the first one is a byte of its own."""
    digits = bytes_of(value)
    if len(digits) % 2:
        digits = b"0" + digits
    try:
        return text_of_bytes(binascii.unhexlify(digits))
    except binascii.Error:
        raise RuleError("badarg: these are not hexadecimal digits only") from None


FUNCTIONS = {
    "str": Function(to_text, (ANY,)),
    "str_utf8": Function(str_utf8, (ANY,)),
    "bool": Function(to_bool, (ANY,)),
    "int": Function(to_int, (ANY,)),
    "float": Function(to_float, (ANY,)),
    "float2str": Function(float_to_text, (FLOAT, INTEGER)),
    "map": Function(to_map, (ANY,)),
    "bin2hexstr": Function(bin2hexstr, (BINARY,)),
    "hexstr2bin": Function(hexstr2bin, (BINARY,)),
}
