"""Every text is there in both languages, and said as asked."""

from __future__ import annotations

import re
from collections import Counter

import orjson
import pytest
from flask import Flask

from app.dashboard.texts import COOKIE, FOLDER, LANGUAGES, _, catalogue, language
from tests.unit.dashboard.texts_in_use import texts_in_use

FOREIGN = [code for code in LANGUAGES if code != "en"]
_VALUES = re.compile(r"\{\w+\}")


@pytest.mark.parametrize("code", FOREIGN)
def test_no_text_lacks_its_translation(code):
    known = catalogue(code)
    assert not {text: where for text, where in texts_in_use().items() if text not in known}


@pytest.mark.parametrize("code", FOREIGN)
def test_no_translation_is_of_a_text_that_nobody_says_any_more(code):
    assert not catalogue(code).keys() - texts_in_use().keys()


@pytest.mark.parametrize("code", FOREIGN)
def test_a_translation_has_the_values_of_its_text(code):
    for text, said in catalogue(code).items():
        assert Counter(_VALUES.findall(text)) == Counter(_VALUES.findall(said)), text


@pytest.mark.parametrize("code", FOREIGN)
def test_one_text_is_said_alike_in_all_catalogues(code):
    said: dict[str, tuple[str, str]] = {}
    for file in sorted((FOLDER / code).glob("*.json")):
        for text, words in orjson.loads(file.read_bytes()).items():
            first = said.setdefault(text, (file.name, words))
            assert first[1] == words, f"{text!r}: {first[0]} and {file.name} differ"


@pytest.mark.parametrize(
    ("cookie", "accepted", "spoken"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "de, en;q=0.5", "en"),
        ("en", "zh-CN", "en"),
        ("zh", "en", "zh"),
        ("xx", "zh", "zh"),
    ],
)
def test_the_language_is_what_was_chosen_or_what_the_browser_prefers(cookie, accepted, spoken):
    headers = {"Accept-Language": accepted, "Cookie": f"{COOKIE}={cookie}" if cookie else ""}
    with Flask("x").test_request_context(headers=headers):
        assert language() == spoken


def test_values_are_put_into_the_words():
    with Flask("x").test_request_context(headers={"Accept-Language": "zh"}):
        assert _("{clientid} was kicked out.", clientid="{x}") == "已踢出 {x}。"
