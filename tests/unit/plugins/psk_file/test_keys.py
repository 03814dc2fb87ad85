"""The file of pre-shared keys."""

from __future__ import annotations

import pytest

from app.plugins.psk_file.keys import KeyFileError, parse_keys


def test_the_key_is_the_text_behind_the_first_delimiter() -> None:
    text = "client1:1234\r\n\nclient 2:a:b \n\u00fc:\u00e4"
    assert parse_keys(text, ":") == {
        "client1": b"1234",
        "client 2": b"a:b ",
        "\u00fc": "\u00e4".encode(),
    }
    assert parse_keys("a:b::c", "::") == {"a:b": b"c"}
    assert parse_keys("", ":") == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a:1\nhush", "line 2 must be"),
        (":hush", "line 1 must be"),
        ("hush:", "line 1 must be"),
        ("a:hu\0sh", "line 1 must be"),
        ("a:1\na:hush", "line 2 has a key already"),
        (f"{'a' * 129}:hush", "the identity in line 1 has over 128 bytes"),
        (f"a:{'hush' * 65}", "the key in line 1 has over 256 bytes"),
    ],
)
def test_a_line_that_is_none_is_named_and_not_shown(text: str, sentence: str) -> None:
    with pytest.raises(KeyFileError, match=sentence) as caught:
        parse_keys(text, ":")
    assert "hush" not in str(caught.value)
