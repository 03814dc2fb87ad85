"""Functions of texts. Lengths and places count characters as people see them.

Regular expressions are RE2's: what PCRE has beyond them (backward references, looking around) could run for ever, and
fails.

Source: EMQX 4.4 `emqx_rule_funcs`; Erlang's `string` module.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

import re2

from app.rules.functions.function import BINARY, INTEGER, TEXT, Function
from app.rules.functions.graphemes import graphemes
from app.rules.terms.errors import RuleError
from app.rules.terms.scope import Scope
from app.rules.terms.values import (
    MAX_PARTS,
    MAX_TEXT,
    Value,
    bytes_of,
    text_of_bytes,
    too_many_parts,
)

WHITE_SPACE = "\t\n\v\f\r \x85\u200e\u200f\u2028\u2029"
"""What Erlang trims: Unicode's pattern white space."""
_PATTERN_OPTIONS = re2.Options()
_PATTERN_OPTIONS.log_errors = False
_PATTERN_OPTIONS.max_mem = 1 << 20
_GROUP = re.compile(rb"\\(?:([0-9]+)|g([0-9]+)|g\{([0-9]+)\}|(.))|&", re.DOTALL)


def strlen(scope: Scope, text: str) -> int:
    """Return how many characters a text has."""
    return len(graphemes(text, scope.check))


def reverse(scope: Scope, text: str) -> str:
    """Return a text with its last character first."""
    return "".join(reversed(graphemes(text, scope.check)))


def substr(scope: Scope, text: str, start: int, length: int | None = None) -> str:
    """Return the part of a text from a place counted from 0."""
    if length == 0:
        return ""
    if start < 0 or (length is not None and length < 0):
        raise RuleError("function_clause: substr takes no negative place or length")
    letters = graphemes(text, scope.check)
    end = None if length is None else start + length
    return "".join(letters[start:end])


def _leading(text: str, separator: str) -> list[str]:
    return text.split(separator, 1)


def _trailing(text: str, separator: str) -> list[str]:
    return text.rsplit(separator, 1)


_SPLITS: dict[str | None, tuple[Callable[[str, str], list[str]], bool]] = {
    None: (str.split, True),
    "notrim": (str.split, False),
    "leading": (_leading, True),
    "leading_notrim": (_leading, False),
    "trailing": (_trailing, True),
    "trailing_notrim": (_trailing, False),
}
"""Ways to split, and whether empty parts are dropped."""


def split(text: str, separator: str, way: str | None = None) -> list[str]:
    """Return the parts of a text between separators.

    Args:
        text: what to split.
        separator: what stands between; an empty one does not.
        way: a key of the table above; a statement leaves it out or gives a text.
    """
    if way not in _SPLITS:
        raise RuleError(f"function_clause: split knows no {str(way)[:40]!r}")
    work, drops_empty = _SPLITS[way]
    if separator and work is str.split and text.count(separator) >= MAX_PARTS:
        raise too_many_parts()
    parts = work(text, separator) if separator else [text]
    return [part for part in parts if part] if drops_empty else parts


def tokens(text: str | bytes, separators: str | bytes, way: str = "") -> list[Value]:
    """Return the parts of a text between any of some bytes, without empty ones.

    Args:
        text: what to split.
        separators: bytes, each of which separates.
        way: `nocrlf` makes the ends of lines separators too.
    """
    if way not in {"", "nocrlf"}:
        raise RuleError(f"function_clause: tokens knows no {way[:40]!r}")
    at = bytes_of(separators) + (b"\r\n" if way else b"")
    if not at:
        return [text] if text else []
    # Where the end of a line is no separator, its CR LF is one character that is none either.
    whole = b"" if way else rb"\r\n|"
    found = re.finditer(rb"(?:%s[^%s])+" % (whole, re.escape(at)), bytes_of(text), re.DOTALL)
    parts = [text_of_bytes(part[0]) for part in islice(found, MAX_PARTS + 1)]
    if len(parts) > MAX_PARTS:
        raise too_many_parts()
    return parts


def pad(scope: Scope, text: str, length: int, side: str = "trailing", letter: str = " ") -> str:
    """Return a text made at least so long; `letter` is written whole for each place that is missing."""
    missing = max(0, length - len(graphemes(text, scope.check)))
    if missing * len(letter) > MAX_TEXT:
        raise RuleError("system_limit: a text of too many characters")
    if side == "both":
        before = missing // 2
    elif side in {"leading", "trailing"}:
        before = missing if side == "leading" else 0
    else:
        raise RuleError(f"function_clause: pad knows no {side[:40]!r}")
    return letter * before + text + letter * (missing - before)


def replace(text: str, old: str, new: str, which: str = "all") -> str:
    """Return a text with what is found replaced: `all` of it, the first (`leading`) or the last (`trailing`)."""
    if which not in {"all", "leading", "trailing"}:
        raise RuleError(f"function_clause: replace knows no {which[:40]!r}")
    if not old:
        return text
    if which == "trailing":
        return new.join(text.rsplit(old, 1))
    if which == "leading":
        return text.replace(old, new, 1)
    if len(text) + text.count(old) * len(new) > MAX_TEXT:
        raise RuleError("system_limit: a text of too many characters")
    return text.replace(old, new)


def find(text: str, wanted: str, which: str = "leading") -> str:
    """Return a text from the first (`leading`) or last (`trailing`) place where something is found in it, or ''."""
    if which not in {"leading", "trailing"}:
        raise RuleError(f"function_clause: find knows no {which[:40]!r}")
    if not wanted:
        return text
    at = text.find(wanted) if which == "leading" else text.rfind(wanted)
    return text[at:] if at >= 0 else ""


@lru_cache(maxsize=256)
def _pattern(text: bytes) -> Any:
    try:
        return re2.compile(text, _PATTERN_OPTIONS)
    except re2.error as error:
        raise RuleError(f"badarg: {error}") from None


def regex_match(text: str | bytes, pattern: str | bytes) -> bool:
    """Tell whether a regular expression is met anywhere in a text."""
    return _pattern(bytes_of(pattern)).search(bytes_of(text)) is not None


def regex_replace(
    scope: Scope, text: str | bytes, pattern: str | bytes, new: str | bytes
) -> str | bytes:
    r"""Return a text with each match replaced; `&` in the new text is the match, `\1` its first group."""
    template = bytes_of(new)
    made = 0

    def filled(match: Any) -> bytes:
        nonlocal made
        scope.check()
        part = _GROUP.sub(lambda place: _group(match, place), template)
        made += len(part)
        if made > MAX_TEXT:
            raise RuleError("system_limit: a text of too many characters")
        return part

    return text_of_bytes(_pattern(bytes_of(pattern)).sub(filled, bytes_of(text)))


def _group(match: Any, place: re.Match[bytes]) -> bytes:
    if place[0] == b"&":
        return bytes(match.group(0))
    number = place[1] or place[2] or place[3]
    if number is None:
        # A backslash in front of anything else takes its meaning away.
        return place[4] if place[4] in {b"&", b"\\"} else place[0]
    if len(number) > 3 or int(number) > match.re.groups:
        return b""
    return bytes(match.group(int(number)) or b"")


def ascii_of(text: str | bytes) -> int:
    """Return a text's first byte."""
    data = bytes_of(text)
    if not data:
        raise RuleError("badmatch: an empty text has no first byte")
    return data[0]


_ONE = (TEXT,)

FUNCTIONS = {
    "lower": Function(str.lower, _ONE),
    "upper": Function(str.upper, _ONE),
    "trim": Function(lambda text: text.strip(WHITE_SPACE), _ONE),
    "ltrim": Function(lambda text: text.lstrip(WHITE_SPACE), _ONE),
    "rtrim": Function(lambda text: text.rstrip(WHITE_SPACE), _ONE),
    "reverse": Function(reverse, _ONE, sees_scope=True),
    "strlen": Function(strlen, _ONE, sees_scope=True),
    "substr": Function(substr, (TEXT, INTEGER, INTEGER), optional=1, sees_scope=True),
    "split": Function(split, (TEXT, TEXT, TEXT), optional=1),
    "tokens": Function(tokens, (BINARY, BINARY, TEXT), optional=1),
    "concat": Function(lambda left, right: left + right, (TEXT, TEXT)),
    "pad": Function(pad, (TEXT, INTEGER, TEXT, TEXT), optional=2, sees_scope=True),
    "replace": Function(replace, (TEXT, TEXT, TEXT, TEXT), optional=1),
    "regex_match": Function(regex_match, (BINARY, BINARY)),
    "regex_replace": Function(regex_replace, (BINARY, BINARY, BINARY), sees_scope=True),
    "ascii": Function(ascii_of, (BINARY,)),
    "find": Function(find, (TEXT, TEXT, TEXT), optional=1),
}
