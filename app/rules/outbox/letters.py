"""Results and events as they are kept on disk, and back.

JSON, with what it cannot say as objects of one member under names of our own. Columns that a result has from its event
are written once.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson

from app.rules.actions.queue import Item
from app.rules.terms.scope import Columns
from app.rules.terms.values import UNDEFINED, Bits

_BYTES = "$godwit:bytes"
_BITS = "$godwit:bits"
_UNDEFINED = "$godwit:undefined"


class NotReadable(Exception):
    """What is on disk is no result of a rule."""


class NotWritable(Exception):
    """A result cannot be kept."""


def written(item: Item) -> bytes:
    """Return a result and its event as they are kept.

    Raises:
        NotWritable: They are nested too deeply.
    """
    try:
        return _written(item)
    except RecursionError:
        raise NotWritable("it is nested too deeply to be kept") from None


def _written(item: Item) -> bytes:
    event = item.event.everything()
    output = item.output
    same = [name for name, value in event.items() if name in output and output[name] is value]
    left = event.keys() - same
    letter = {
        "output": {name: _plain(value) for name, value in output.items()},
        "event": {name: _plain(event[name]) for name in event if name in left},
        "same": same,
    }
    try:
        return orjson.dumps(letter)
    except TypeError:
        # An integer beyond 64 bits, a text that is no UTF-8, a key that is no text.
        return json.dumps(letter).encode()


def _plain(value: Any) -> Any:
    if value is UNDEFINED:
        return {_UNDEFINED: True}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    if isinstance(value, Bits):
        return {_BITS: [str(value.number), value.size]}
    return value


def read(letter: bytes) -> Item:
    """Return what was kept.

    Raises:
        NotReadable: It is nothing that was written here.
    """
    try:
        parts = json.loads(letter, object_hook=_value)
        output, event = dict(parts["output"]), dict(parts["event"])
        event.update((name, output[name]) for name in parts["same"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotReadable(str(error)) from None
    return Item(output, Columns(event))


def _value(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        ((name, value),) = found.items()
        if name == _UNDEFINED:
            return UNDEFINED
        if name == _BYTES and isinstance(value, str):
            return base64.b64decode(value)
        if name == _BITS:
            return Bits(int(value[0]), int(value[1]))
    return found
