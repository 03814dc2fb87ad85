"""Characters as people count them: a letter with its accents, an emoji with its modifiers, a line's CR LF are one.

Source: Unicode Standard Annex 29, extended grapheme clusters, without the rules for prepended marks; Erlang's `string`
counts in these.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

SLICE = 20_000
"""Letters that are looked at between two looks at the clock."""
_MAY_JOIN = re.compile(r"\r\n|[\u0300-\u33ff\ua000-\U0010ffff]")
"""Without any of these, each letter is a character: those of Europe, and the ideographs, are."""
_JOINER = "\u200d"
_MARKS = frozenset({"Mn", "Me", "Mc"})


def _for_ever() -> None:
    """Have all the time there is."""


def graphemes(text: str, check: Callable[[], None] = _for_ever) -> list[str]:
    """Return a text's characters, each with what belongs to it.

    Args:
        text: Any text.
        check: Called now and then; what it raises ends the work.
    """
    if _MAY_JOIN.search(text) is None:
        return list(text)
    clusters: list[str] = []
    for begin in range(0, len(text), SLICE):
        check()
        for letter in text[begin : begin + SLICE]:
            if clusters and _continues(clusters[-1], letter):
                clusters[-1] += letter
            else:
                clusters.append(letter)
    return clusters


def _continues(cluster: str, letter: str) -> bool:
    before = cluster[-1]
    if before in "\r\n":
        return cluster == "\r" and letter == "\n"
    if letter == _JOINER or _is_extender(letter):
        return unicodedata.category(before) != "Cc"
    if before == _JOINER:
        return _is_pictograph(letter) and _is_pictograph(cluster[0])
    if _is_regional(letter):
        return _is_regional(before) and len(cluster) % 2 == 1
    return _is_syllable_going_on(before, letter)


def _is_extender(letter: str) -> bool:
    return unicodedata.category(letter) in _MARKS or "\U0001f3fb" <= letter <= "\U0001f3ff"


def _is_regional(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _is_pictograph(letter: str) -> bool:
    return letter in "\u00a9\u00ae" or unicodedata.category(letter) == "So"


def _is_syllable_going_on(before: str, letter: str) -> bool:
    """Tell whether two Hangul letters are of one syllable: leading, vowel, trailing, or one of the ready-made."""
    if "\u1100" <= before <= "\u115f":
        return "\u1100" <= letter <= "\u11a7" or "\uac00" <= letter <= "\ud7a3"
    is_ready = "\uac00" <= before <= "\ud7a3"
    ends_open = is_ready and (ord(before) - 0xAC00) % 28 == 0
    if "\u1160" <= before <= "\u11a7" or ends_open:
        return "\u1160" <= letter <= "\u11ff"
    return (is_ready or "\u11a8" <= before <= "\u11ff") and "\u11a8" <= letter <= "\u11ff"
