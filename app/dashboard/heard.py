"""What other rooms say, in the reader's language: reasons, refusals, alarms, descriptions of settings and calls.

They say it in English, with values put in, and know nothing of readers. The catalogues in
`translations/<language>/heard` have their sentences with `{1}`, `{2}` … in the places of values; what a value says is
looked up in turn. A sentence that no catalogue has, such as what another program has said, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import orjson

from app.dashboard.texts import FOLDER, language

VALUE = re.compile(r"\{(\d)\}")
MAX_CHARS = 1_000
"""A longer text is somebody's data; looking for sentences in it would take long."""
_IS_SENTENCE = re.compile(r"[ {]")
_REMEMBERED = 2_048
_DEPTH = 3
"""Sentences within sentences."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence with values in it."""

    text: str
    pattern: re.Pattern[str]
    said: str


def heard(text: str) -> str:
    """Return what another room has said, in the language of the request; what it has no words for as it is."""
    code = language()
    if code == "en" or not text or len(text) > MAX_CHARS:
        return text
    return _said(code, text, _DEPTH)


@lru_cache(_REMEMBERED)
def _said(code: str, text: str, depth: int) -> str:
    whole = sentences(code).get(text)
    if whole is not None:
        return whole
    for phrase in phrases(code) if depth else ():
        found = phrase.pattern.fullmatch(text)
        if found is not None:
            # A single word is a name: a client may be called "topic".
            values = [
                _said(code, value, depth - 1) if _IS_SENTENCE.search(value) else value
                for value in found.groups()
            ]
            return VALUE.sub(lambda place: values[int(place[1]) - 1], phrase.said)  # noqa: B023 - called at once
    return text


@cache
def sentences(code: str) -> Mapping[str, str]:
    """Return all sentences of a language by their English ones."""
    found: dict[str, str] = {}
    for file in sorted((FOLDER / code / "heard").glob("*.json")):
        found |= orjson.loads(file.read_bytes())
    return found


@cache
def phrases(code: str) -> tuple[Phrase, ...]:
    """Return those with values in them, in the order in which they are tried."""
    # The longest first, so that "{1} is down" leaves "The bridge {1} is down" alone.
    texts = sorted(sentences(code), key=lambda text: (-len(VALUE.sub("", text)), text))
    return tuple(
        Phrase(text, _pattern(text), sentences(code)[text]) for text in texts if VALUE.search(text)
    )


def _pattern(text: str) -> re.Pattern[str]:
    # Places are numbered as they stand, so that the first group is the first value.
    parts = [re.escape(part) for part in re.split(r"\{\d\}", text)]
    return re.compile("(.*?)".join(parts), re.DOTALL)
