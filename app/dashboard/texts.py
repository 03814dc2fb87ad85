"""English and Chinese: every text is written in English where it is used, and its Chinese stands in a catalogue.

`_("Kick {clientid}?", clientid=…)` says a text in the language of the request. `N_` marks one that is said later: the
titles in tables. Catalogues are `translations/<language>/<page>.json`; the test of this room names every text that
one lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import orjson
from flask import g, has_request_context, request

LANGUAGES = {"en": "English", "zh": "中文"}
"""By code, each in its own words; the first is what texts are written in."""
COOKIE = "godwit_language"
FOLDER = Path(__file__).parent / "translations"


def N_(text: str) -> str:  # noqa: N802 - gettext's name for it
    """Mark a text that is said later."""
    return text


def _(text: str, **values: object) -> str:
    """Say a text in the language of the request.

    Args:
        text: In English; `{name}` stands for a value.
        values: What the names stand for.
    """
    said = catalogue(language()).get(text, text)
    return said.format(**values) if values else said


def language() -> str:
    """Return the language of the request: what was chosen, else what the browser prefers."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        chosen = request.cookies.get(COOKIE, "")
        g.language = (
            chosen
            if chosen in LANGUAGES
            else request.accept_languages.best_match(LANGUAGES) or "en"
        )
    return str(g.language)


@cache
def catalogue(code: str) -> Mapping[str, str]:
    """Return all texts of a language by their English ones."""
    found: dict[str, str] = {}
    for file in sorted((FOLDER / code).glob("*.json")):
        found |= orjson.loads(file.read_bytes())
    return found
