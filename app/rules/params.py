"""Parameters of actions and resources: what they are called, in two languages, and what they may be.

A table of them is what the API shows, what a dashboard draws its forms from, and what given values are checked against.

Source: EMQX 4.4 `emqx_rule_validator`, seed 004, GET /api/v4/resource_types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.config.kinds import duration
from app.rules.addresses import address_of, addresses_of
from app.rules.errors import BadArguments

_NOTHING = object()
_URL = re.compile(r"https?://[^\s/?#@]+(?:[/?#]\S*)?", re.IGNORECASE)
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
TEXT_MAX_LENGTH = 1_000_000
COUNT_MAX = 1_024
ANY_PORT = 1
"""For what is only looked at whether it is an address."""
_FLAGS = {"true": True, "on": True, "false": False, "off": False}


@dataclass(frozen=True, slots=True)
class Words:
    """One text in the two languages of EMQX's dashboard."""

    en: str
    zh: str

    def row(self) -> dict[str, str]:
        """Return the text as the API shows it."""
        return {"en": self.en, "zh": self.zh}


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter."""

    name: str
    type: str | tuple[str, ...]
    """string, password, number, boolean, object, array or file; several where it may be any of them."""
    title: Words
    description: Words
    required: bool = False
    default: Any = _NOTHING
    enum: tuple[object, ...] = ()
    format: str = ""
    """`url`, `duration` for texts such as 5s, `count` for how many there are of something, `address` for a host and a
    port, `addresses` for several with commas between them, `file_name` for the name of a file without any folder."""
    input: str = ""
    """How a form asks for it: `textarea`, `editor`."""

    @property
    def has_default(self) -> bool:
        """Tell whether it has a value where none is given."""
        return self.default is not _NOTHING

    def row(self, order: int) -> dict[str, object]:
        """Return the specification as the API shows it."""
        shown: dict[str, object] = {
            "order": order,
            "type": list(self.type) if isinstance(self.type, tuple) else self.type,
            "title": self.title.row(),
            "description": self.description.row(),
        }
        if self.required:
            shown["required"] = True
        if self.has_default:
            shown["default"] = self.default
        if self.enum:
            shown["enum"] = list(self.enum)
        if "object" in self.type:
            shown["schema"] = {}
        if self.format == "url":
            shown["format"] = self.format
        if self.input:
            shown["input"] = self.input
        return shown


def rows(params: Iterable[Param]) -> dict[str, object]:
    """Return the specifications by name, numbered in their order."""
    return {param.name: param.row(order) for order, param in enumerate(params, 1)}


def checked(params: Iterable[Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return given values with the defaults of those that are left out; unknown ones are kept, as in EMQX.

    Raises:
        BadArguments: One is missing, or is not what it must be.
    """
    values = dict(given)
    for param in params:
        if param.name in given:
            values[param.name] = _checked(param, given[param.name])
        elif param.has_default:
            values[param.name] = param.default
        elif param.required:
            raise BadArguments(f'{{required_field_missing,<<"{param.name}">>}}')
    return values


def _checked(param: Param, value: Any) -> Any:
    types = (param.type,) if isinstance(param.type, str) else param.type
    if param.format == "duration" and type(value) is int:
        value = str(value)  # seconds, as releases before 4.3 wrote it
    readings = [reading for reading in (_READ[name](value) for name in types) if reading]
    if not readings or (param.enum and readings[0][0] not in param.enum):
        expected = f"enum,{list(param.enum)}" if param.enum else " or ".join(types)
        raise BadArguments(f'{{invalid_data_type,<<"{param.name}">>,{{{expected}}}}}')
    found = readings[0][0]
    if param.format in _ADDRESSES:
        _ADDRESSES[param.format](found, ANY_PORT, param.name)
    elif param.format and not _FORMATS[param.format](found):
        raise BadArguments(f'{{invalid_data_type,<<"{param.name}">>,{{{param.format}}}}}')
    return found


Reading = tuple[Any] | None


def _text(value: object) -> Reading:
    return (value,) if isinstance(value, str) and len(value) <= TEXT_MAX_LENGTH else None


def _number(value: object) -> Reading:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
        return (int(value),)
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: object) -> Reading:
    word = _FLAGS.get(value) if isinstance(value, str) else value
    return (word,) if isinstance(word, bool) else None


def _object(value: object) -> Reading:
    # An empty list is how EMQX writes an object without members.
    if value == []:
        return ({},)
    return (value,) if isinstance(value, dict) else None


def _file(value: object) -> Reading:
    """Read a file: its path on the node, or `{filename, file}` with what is in it."""
    if isinstance(value, dict) and isinstance(value.get("file", ""), str):
        return (value,)
    return _text(value)


_READ: Mapping[str, Callable[[object], Reading]] = {
    "string": _text,
    "password": _text,
    "number": _number,
    "boolean": _boolean,
    "object": _object,
    "file": _file,
}


def _is_duration(value: object) -> bool:
    try:
        return duration(str(value)) > 0
    except ValueError:
        return False


_FORMATS: Mapping[str, Callable[[Any], bool]] = {
    "file_name": lambda value: _FILE_NAME.fullmatch(value) is not None,
    "url": lambda value: _URL.fullmatch(value) is not None,
    "count": lambda value: type(value) is int and 1 <= value <= COUNT_MAX,
    "duration": _is_duration,
}
_ADDRESSES: Mapping[str, Callable[[str, int, str], object]] = {
    "address": address_of,
    "addresses": addresses_of,
}
