"""Every sentence of other rooms that pages show has its translation, and is found by it."""

from __future__ import annotations

from collections import Counter

import pytest
from flask import Flask

from app.dashboard.heard import VALUE, Phrase, heard, phrases, sentences
from app.dashboard.texts import LANGUAGES
from tests.unit.dashboard.texts_heard import texts_heard

FOREIGN = [code for code in LANGUAGES if code != "en"]
SAID = texts_heard()


def covers(phrase: Phrase, text: str) -> bool:
    return phrase.pattern.fullmatch(text) is not None


@pytest.mark.parametrize("code", FOREIGN)
def test_no_sentence_lacks_its_translation(code):
    known = sentences(code)
    assert not {
        text: where
        for text, where in SAID.items()
        if text not in known and not any(covers(phrase, text) for phrase in phrases(code))
    }


@pytest.mark.parametrize("code", FOREIGN)
def test_no_translation_is_of_a_sentence_that_nobody_says_any_more(code):
    used = {phrase.text for phrase in phrases(code) if any(covers(phrase, one) for one in SAID)}
    assert not sentences(code).keys() - SAID.keys() - used


@pytest.mark.parametrize("code", FOREIGN)
def test_a_translation_has_the_values_of_its_sentence(code):
    for text, said in sentences(code).items():
        assert Counter(VALUE.findall(text)) >= Counter(VALUE.findall(said)), text


@pytest.fixture
def chinese():
    with Flask("x").test_request_context(headers={"Accept-Language": "zh"}):
        yield


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("the token holds", "令牌有效"),
        (
            "Listener tcp:external has 9 of 10 connections",
            "监听器 tcp:external 的连接数为 9，上限为 10",
        ),
        ("85.20% cpu usage", "CPU 使用率 85.20%"),
        (
            "Correct a.b: 'x' is not a whole number in range, write a whole number from 0 to 9.",
            "请更正 a.b：'x' 不是范围内的整数，应填写：0 至 9 的整数。",
        ),
        ('Bad Arguments: {required_field_missing,<<"url">>}', "参数错误：缺少必填项 url"),
        ("Rule topic Not Found", "规则 topic 不存在"),
        ("what another program says", "what another program says"),
        ("", ""),
    ],
)
def test_a_sentence_is_found_with_what_is_in_it(chinese, sentence, said):
    assert heard(sentence) == said


def test_nothing_is_looked_for_in_somebody_s_data(chinese):
    assert heard("is down " * 10_000) == "is down " * 10_000


def test_in_english_everything_is_as_it_was_said():
    with Flask("x").test_request_context(headers={"Accept-Language": "en"}):
        assert heard("the token holds") == "the token holds"
