"""Forms from tables of parameters, there and back; numbers as pages show them."""

from __future__ import annotations

import pytest
from flask import Flask

from app.dashboard.forms import (
    Field,
    browser,
    count,
    duration,
    fields_of,
    marked,
    moments,
    size,
    time_tag,
    values_of,
)
from app.errors import ServiceError

SPECIFICATIONS = {
    "headers": {"order": 4, "type": "object", "title": {"en": "Headers", "zh": "请求头"}},
    "url": {"order": 1, "type": "string", "required": True, "title": {"en": "URL", "zh": "地址"}},
    "method": {"order": 2, "type": "string", "enum": ["POST", "PUT"], "default": "POST"},
    "pool_size": {"order": 3, "type": "number", "default": 8},
    "ssl": {"order": 5, "type": "boolean"},
    "body": {"order": 6, "type": ["string", "object"], "input": "textarea"},
}


def test_fields_stand_in_the_order_of_the_table_in_the_language_of_the_reader():
    with Flask("x").test_request_context(headers={"Accept-Language": "zh"}):
        fields = fields_of(SPECIFICATIONS, {"pool_size": 3})
    assert [field.title for field in fields][:1] == ["地址"]
    assert [field.widget for field in fields] == [
        "text",
        "choice",
        "number",
        "pairs",
        "switch",
        "textarea",
    ]
    assert fields[2].shown() == "3"
    assert fields[1].value == "POST"


def test_what_was_typed_becomes_values():
    sent = {
        "url": "http://x",
        "method": "PUT",
        "pool_size": "4",
        "headers": "a: b\nc:d:e",
        "body": "",
    }
    assert values_of(fields_of(SPECIFICATIONS), sent) == {
        "url": "http://x",
        "method": "PUT",
        "pool_size": 4,
        "headers": {"a": "b", "c": "d:e"},
        "ssl": False,
    }


@pytest.mark.parametrize(
    "sent", [{"url": ""}, {"url": "u", "pool_size": "many"}, {"url": "u", "headers": "a"}]
)
def test_what_cannot_be_read_is_refused_by_the_name_of_its_field(sent):
    with pytest.raises(ServiceError, match=r"URL|pool_size|Headers"):
        values_of(fields_of(SPECIFICATIONS), sent)


def test_pairs_are_shown_as_they_are_typed():
    assert Field("x", "X", "pairs", value={"a": "b"}).shown() == "a: b"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (count(1_234_567), "1\u202f234\u202f567"),
        (size(999), "999 B"),
        (size(1536), "1.5 KB"),
        (size(250 * 2**30), "250 GB"),
        (duration(59), "59 s"),
        (duration(3_600 * 5 + 60), "5 h 1 min"),
        (duration(86_400 * 3), "3 d 0 h"),
        (time_tag(None), "\u2013"),
        (browser("Mozilla/5.0 (X11; Linux x86_64) Chrome/1 Safari/1"), "Chrome · Linux"),
        (browser("curl/8"), "curl/8"),
    ],
)
def test_numbers_read_well(said, words):
    assert said == words


def test_a_moment_is_exact_without_a_script():
    assert time_tag(1_700_000_000_000) == (
        '<time datetime="2023-11-14T22:13:20+00:00" data-relative>2023-11-14 22:13:20 UTC</time>'
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "banned until 1700000000 (Unix seconds) by <ada>: noise",
            "banned until {} by &lt;ada&gt;: noise",
        ),
        (
            "remembered since 1700000000123 (Unix milliseconds), and counts",
            "remembered since {}, and counts",
        ),
        ("已被封禁至 1700000000 (Unix 秒)：x", "已被封禁至 {}：x"),
        ("自 1700000000123 (Unix 毫秒) 起缓存", "自 {} 起缓存"),
        ("until 99999999999999999999 (Unix seconds)", "until 99999999999999999999 (Unix seconds)"),
        ("nothing of 1700000000 <b>", "nothing of 1700000000 &lt;b&gt;"),
    ],
)
def test_a_moment_in_a_sentence_is_one_for_the_viewer(text, words):
    tag = '<time datetime="2023-11-14T22:13:20+00:00" data-exact>2023-11-14 22:13:20 UTC</time>'
    assert moments(text) == words.format(tag)


def test_what_stands_between_backticks_is_code_and_nothing_else_becomes_markup():
    assert marked("say `a < b` or `x`, <b>`") == (
        "say <code>a &lt; b</code> or <code>x</code>, &lt;b&gt;`"
    )
