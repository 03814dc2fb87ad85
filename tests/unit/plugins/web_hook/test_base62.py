"""Base62 in EMQX's form."""

from __future__ import annotations

import pytest

from app.plugins.web_hook.base62 import encoded


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a", "YB"),
        (b"ab", "YWC"),
        (b"abc", "YWJj"),
        (b"\xff\xff\xff", "9C9C9C9C"),
    ],
)
def test_bytes_become_letters_and_digits(data: bytes, text: str) -> None:
    assert encoded(data) == text
