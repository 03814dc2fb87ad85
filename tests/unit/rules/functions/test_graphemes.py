"""Where one character ends and the next begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.functions.graphemes import graphemes


@pytest.mark.parametrize(
    "clusters",
    [
        [],
        ["a", "b"],
        ["\r\n", "\n", "\r"],
        ["e\u0301", "x"],
        ["\u1112\u1161\u11ab", "\uac00", "\uac01\u11a8"],
        ["\U0001f44d\U0001f3fd", "\u2764\ufe0f"],
        ["\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7", "\U0001f1e9"],
        ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "a\u200d", "b"],
        ["\n", "\u0301"],
    ],
)
def test_a_text_falls_into_characters(clusters: list[str]) -> None:
    assert graphemes("".join(clusters)) == clusters


@given(st.text())
def test_nothing_is_lost(text: str) -> None:
    clusters = graphemes(text)

    assert "".join(clusters) == text
    assert all(clusters)


@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_texts_without_what_may_join_are_what_a_closer_look_finds(text: str) -> None:
    looked_at = graphemes(text + "\u3099")
    assert "".join(looked_at) == text + "\u3099"
    if text and not any(one in text for one in "\r\n"):
        found = [*looked_at[:-1], looked_at[-1].removesuffix("\u3099")]
        assert graphemes(text) == [one for one in found if one]
