"""Templates: texts with `${a.b}` in them, filled in from the result of a rule.

A template is taken apart once, when its action is made. What stands between `${` and the next `}` is a path through
maps; a text on the way is read as JSON. An index has no meaning here.

Source: EMQX 4.4 `emqx_rule_utils`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.rules.errors import ActionFailed
from app.rules.sql import RuleError
from app.rules.terms.values import UNDEFINED, bytes_of, decode_json, to_json, to_text

JSON_MAX_LENGTH = 10_000_000
"""Of a text that is read as JSON on the way."""
_TEXTS = (str, bytes)
_VARIABLE = re.compile(r"\$\{(.+?)\}")

Output = Mapping[str, Any]


class Template:
    """One text, taken apart."""

    __slots__ = ("_constant", "_constant_text", "_parts")

    def __init__(self, text: str) -> None:
        """Take it apart."""
        self._parts: list[bytes | tuple[str, ...]] = []
        for number, piece in enumerate(_VARIABLE.split(text)):
            if number % 2:
                self._parts.append(tuple(piece.split(".")))
            elif piece:
                self._parts.append(bytes_of(piece))
        is_constant = all(isinstance(part, bytes) for part in self._parts)
        self._constant = bytes_of(text) if is_constant else None
        self._constant_text = None if self._constant is None else _as_text(self._constant)

    @property
    def is_empty(self) -> bool:
        """Tell whether the text says nothing."""
        return not self._parts

    def fill(self, output: Output) -> bytes:
        """Return the text with its variables filled in; binary values stay what they are.

        Raises:
            ActionFailed: A value has no form as text.
        """
        if self._constant is not None:
            return self._constant
        filled = []
        try:
            for part in self._parts:
                if isinstance(part, bytes):
                    filled.append(part)
                else:
                    value = find(output, part)
                    filled.append(bytes_of(value if type(value) is str else to_text(value)))
        except RuleError as error:
            raise ActionFailed(str(error)) from None
        return b"".join(filled)

    def fill_text(self, output: Output) -> str:
        """Return the same as text; bytes that are no UTF-8 become replacement characters.

        Raises:
            ActionFailed: A value has no form as text.
        """
        return _as_text(self.fill(output)) if self._constant_text is None else self._constant_text


def _as_text(filled: bytes) -> str:
    return filled.decode("utf-8", "replace")


class PayloadTemplate:
    """A template for a whole payload: one that says nothing means the whole result as JSON."""

    __slots__ = ("_template",)

    def __init__(self, text: str) -> None:
        """Take it apart."""
        self._template = Template(text)

    def fill(self, output: Output) -> bytes:
        """Return the payload.

        Raises:
            ActionFailed: A value has no form as text, or in JSON.
        """
        return as_json(output) if self._template.is_empty else self._template.fill(output)


def find(output: Output, path: tuple[str, ...]) -> Any:
    """Return what a path leads to; `UNDEFINED` where it leads nowhere."""
    value: Any = output
    for key in path:
        if type(value) is not dict:
            if isinstance(value, _TEXTS):
                value = _JSON.read(value)
            if not isinstance(value, Mapping):
                return UNDEFINED
        value = value.get(key, UNDEFINED)
    return value


class _Json:
    """Reads texts as JSON, the same one once: the variables of an action look into one payload, one after the other."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[str | bytes, Any] = ("", None)

    def read(self, text: str | bytes) -> Any:
        """Return what a text says; None where it is no JSON."""
        last, value = self._last
        if text is not last:
            value = _decoded(text)
            self._last = (text, value)
        return value


def _decoded(text: str | bytes) -> Any:
    if len(text) > JSON_MAX_LENGTH:
        return None
    try:
        return decode_json(text)
    except ValueError:
        return None


_JSON = _Json()


def as_json(value: Output) -> bytes:
    """Return a value as JSON; what is not there is EMQX's word for it, and bytes are read as text.

    Raises:
        ActionFailed: JSON cannot hold it.
    """
    try:
        return bytes_of(to_json(dict(value)))
    except RuleError as error:
        raise ActionFailed(str(error)) from None
