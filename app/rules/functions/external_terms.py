"""Erlang's external term format, for the values that statements have: no tuples, processes or functions.

Source: Erlang's "External Term Format", version 131.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from app.rules.terms.errors import RuleError
from app.rules.terms.values import (
    MAX_PARTS,
    UNDEFINED,
    Value,
    atom_to_text,
    bounded,
    bytes_of,
    finite,
    text_of_bytes,
    weighed,
)

VERSION = 131
_ATOMS: dict[str, Value] = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}
_SMALL_INTEGER, _INTEGER, _FLOAT, _ATOM, _NIL, _STRING, _LIST, _BINARY = (
    97, 98, 70, 100, 106, 107, 108, 109,
)  # fmt: skip
_SMALL_BIG, _LARGE_BIG, _MAP, _SMALL_ATOM_UTF8, _ATOM_UTF8, _SMALL_ATOM = (
    110, 111, 116, 119, 118, 115,
)  # fmt: skip


def encode_term(value: Value) -> bytes:
    """Return a value in the external form."""
    return bytes([VERSION]) + _encoded(weighed(value))


def _encoded(value: Value) -> bytes:
    if type(value) is str or type(value) is bytes:
        data = bytes_of(value)
        return struct.pack(">BI", _BINARY, len(data)) + data
    if type(value) is int:
        return _encoded_integer(value)
    if type(value) is float:
        return struct.pack(">Bd", _FLOAT, value)
    if type(value) is list:
        return _encoded_list(value)
    if type(value) is dict:
        pairs = b"".join(_encoded(key) + _encoded(value[key]) for key in sorted(value))
        return struct.pack(">BI", _MAP, len(value)) + pairs
    name = atom_to_text(value).encode()
    return struct.pack(">BH", _ATOM, len(name)) + name


def _encoded_integer(number: int) -> bytes:
    if 0 <= number <= 255:
        return bytes([_SMALL_INTEGER, number])
    if -(1 << 31) <= number < 1 << 31:
        return struct.pack(">Bi", _INTEGER, number)
    size = (number.bit_length() + 7) // 8
    data = bytes([number < 0]) + abs(number).to_bytes(size, "little")
    if size <= 255:
        return bytes([_SMALL_BIG, size]) + data
    return struct.pack(">BI", _LARGE_BIG, size) + data


def _encoded_list(items: list[Value]) -> bytes:
    if not items:
        return bytes([_NIL])
    if len(items) < 1 << 16 and all(type(item) is int and 0 <= item <= 255 for item in items):
        return struct.pack(">BH", _STRING, len(items)) + bytes(items)
    body = b"".join(map(_encoded, items))
    return struct.pack(">BI", _LIST, len(items)) + body + bytes([_NIL])


def decode_term(data: bytes) -> Value:
    """Return the value that the external form stands for.

    Raises:
        RuleError: it is no external form, or of a term that statements have no value for.
    """
    reader = _Reader(data)
    if reader.take(1) != bytes([VERSION]):
        raise RuleError("badarg: no external term")
    value = reader.term()
    if reader.at != len(data):
        raise RuleError("badarg: more than one external term")
    return value


class _Reader:
    """Reads one term after another from where the last one ended."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            raise RuleError("badarg: the external term ends too early")
        self.at += count
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def term(self) -> Value:
        tag = self.number(1)
        read = _READERS.get(tag)
        if read is None:
            raise RuleError(f"badarg: no value for an external term of kind {tag}")
        return read(self)

    def count(self) -> int:
        count = self.number(4)
        if count > MAX_PARTS:
            raise RuleError("system_limit: an external term of too many parts")
        return count


def _atom(size: int) -> Callable[[_Reader], Value]:
    def read(reader: _Reader) -> Value:
        name = text_of_bytes(reader.take(reader.number(size)))
        return _ATOMS.get(name, name) if isinstance(name, str) else name

    return read


def _big(size: int) -> Callable[[_Reader], Value]:
    def read(reader: _Reader) -> Value:
        length = reader.number(size)
        sign = reader.number(1)
        number = bounded(int.from_bytes(reader.take(length), "little"))
        return -number if sign else number

    return read


def _list(reader: _Reader) -> list[Value]:
    items = [reader.term() for _ in range(reader.count())]
    if reader.number(1) != _NIL:
        raise RuleError("badarg: no value for a list without an end")
    return items


def _map(reader: _Reader) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for _ in range(reader.count()):
        key = reader.term()
        if type(key) is not str:
            raise RuleError("badarg: a map's keys are texts")
        found[key] = reader.term()
    return found


def _float(reader: _Reader) -> float:
    (number,) = struct.unpack(">d", reader.take(8))
    return finite(number)


_READERS: dict[int, Callable[[_Reader], Value]] = {
    _SMALL_INTEGER: lambda reader: reader.number(1),
    _INTEGER: lambda reader: int.from_bytes(reader.take(4), "big", signed=True),
    _FLOAT: _float,
    _ATOM: _atom(2),
    _ATOM_UTF8: _atom(2),
    _SMALL_ATOM: _atom(1),
    _SMALL_ATOM_UTF8: _atom(1),
    _NIL: lambda _: [],
    _STRING: lambda reader: list(reader.take(reader.number(2))),
    _LIST: _list,
    _BINARY: lambda reader: text_of_bytes(reader.take(reader.number(4))),
    _SMALL_BIG: _big(1),
    _LARGE_BIG: _big(4),
    _MAP: _map,
}
