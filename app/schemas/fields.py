"""The kinds of values that requests carry.

JSON's types are meant literally: `"1"` is no number, and `1` is no text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import fields

INT64_MAX = 2**63 - 1
"""What a BIGINT column holds."""
UNDEFINED = "undefined"
"""EMQX's word for a value that is not there; who sends back what he was shown must be understood."""


class Checked(fields.Field[Any]):
    """A value that is taken as it is, or refused with a sentence that says what it must be."""

    def __init__(
        self,
        expected: str,
        accepts: Callable[[object], bool],
        says: Mapping[str, object] | None = None,
        **options: Any,
    ) -> None:
        """Keep the test, the words for it, and what JSON Schema says of it; the options are marshmallow's."""
        super().__init__(**options)
        self.expected = expected
        self.says = says or {}
        self._accepts = accepts

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        super()._bind_to_schema(field_name, parent)
        sentence = f"value of '{self.data_key or field_name}' must be {self.expected}"
        self.error_messages = {**self.error_messages, "null": sentence, "unfit": sentence}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_options: Any) -> Any:
        if not self._accepts(value):
            raise self.make_error("unfit")
        return value


def text(max_length: int, min_length: int = 0, **options: Any) -> Checked:
    """Text that every database can keep: no NUL, no half of a surrogate pair; bounds in characters."""
    lengths = range(min_length, max_length + 1)

    def accepts(value: object) -> bool:
        return isinstance(value, str) and len(value) in lengths and is_storable(value)

    says = {"type": "string", "minLength": min_length, "maxLength": max_length}
    return Checked(f"a string of {min_length} to {max_length} characters", accepts, says, **options)


def one_of(words: tuple[str, ...], **options: Any) -> Checked:
    """One word of a closed set; EMQX's text, which lists them as Python does."""
    return Checked(
        f"one of: {list(words)}",
        lambda value: isinstance(value, str) and value in words,
        {"type": "string", "enum": list(words)},
        **options,
    )


def flag(**options: Any) -> Checked:
    """JSON's `true` or `false`."""
    return Checked(
        "true or false", lambda value: isinstance(value, bool), {"type": "boolean"}, **options
    )


def unix_seconds(**options: Any) -> Checked:
    """A moment in whole seconds. JSON's `true` is none, though Python would take it for 1."""
    return Checked(
        "an integer, in seconds since 1970",
        lambda value: type(value) is int and 0 <= value <= INT64_MAX,
        {"type": "integer", "minimum": 0, "maximum": INT64_MAX},
        **options,
    )


@dataclass(frozen=True, slots=True)
class WordIsNone:
    """Reads one word as nothing; for `pre_load` of a field that may be null."""

    word: str

    def __call__(self, value: object) -> object:
        """Return None for the word, and anything else as it is."""
        return None if value == self.word else value


def is_storable(value: str) -> bool:
    """Tell whether every database can keep a text, and be asked for it."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
