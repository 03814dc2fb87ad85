"""Topic names and filters: validity, matching, share prefixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mqtt.topic import (
    InvalidTopic,
    is_wildcard,
    levels,
    matches,
    split_share,
    validate_topic_filter,
    validate_topic_name,
)
from tests.unit.mqtt.strategies import patient

_WORDS = st.lists(st.sampled_from(["", "a", "b", "$SYS", "ä"]), min_size=1, max_size=5)
_PATTERNS = st.lists(st.sampled_from(["", "a", "b", "$SYS", "ä", "+"]), min_size=1, max_size=5)


@pytest.mark.parametrize("name", ["a", "/", "a/b", "//", "$SYS/x", " ", "a" * 65535, "ä" * 32767])
def test_valid_name_is_a_valid_name_and_filter(name: str) -> None:
    validate_topic_name(name)
    validate_topic_filter(name)


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "a" * 65536, "ä" * 32768])
def test_text_that_no_topic_may_have(name: str) -> None:
    with pytest.raises(InvalidTopic):
        validate_topic_name(name)
    with pytest.raises(InvalidTopic):
        validate_topic_filter(name)


@pytest.mark.parametrize("name", ["+", "#", "a/+", "a/#", "a+b", "a#"])
def test_name_has_no_wildcard(name: str) -> None:  # [MQTT-3.3.2-2]
    with pytest.raises(InvalidTopic):
        validate_topic_name(name)


@pytest.mark.parametrize("topic_filter", ["+", "#", "a/+", "+/a/+", "a/#", "+/#", "/+", "/#"])
def test_filter_may_have_whole_levels_of_wildcards(topic_filter: str) -> None:
    validate_topic_filter(topic_filter)
    assert is_wildcard(topic_filter)


@pytest.mark.parametrize(
    "topic_filter", ["a#", "#a", "a/#/b", "##", "a+", "+a", "++", "#/#", "a/b+/c"]
)
def test_wildcard_elsewhere_is_refused(topic_filter: str) -> None:  # [MQTT-4.7.1-1] [MQTT-4.7.1-2]
    with pytest.raises(InvalidTopic):
        validate_topic_filter(topic_filter)


@pytest.mark.parametrize(("topic", "count"), [("a", 1), ("/", 2), ("a/b/c", 3), ("a//#", 3)])
def test_levels_count_empty_ones(topic: str, count: int) -> None:
    assert levels(topic) == count


@pytest.mark.parametrize(
    ("name", "topic_filter"),
    [
        ("a/b", "a/b"),
        ("a/b", "a/+"),
        ("a/b", "+/b"),
        ("a/b", "+/+"),
        ("a/b", "#"),
        ("a/b", "a/#"),
        ("a/b", "a/b/#"),
        ("a", "a/#"),
        ("/a", "+/+"),
        ("/a", "/+"),
        ("a/", "a/+"),
        ("a//b", "a/+/b"),
        ("$SYS/x", "$SYS/#"),
        ("$SYS/x", "$SYS/+"),
        ("$SYS", "$SYS/#"),
        ("a/$b", "a/+"),
        ("a/$b", "#"),
    ],
)
def test_filter_matches_name(name: str, topic_filter: str) -> None:
    assert matches(name, topic_filter)


@pytest.mark.parametrize(
    ("name", "topic_filter"),
    [
        ("a/b", "a"),
        ("a", "a/b"),
        ("a", "a/+"),
        ("a/b/c", "a/+"),
        ("a/b", "+"),
        ("/a", "+"),
        ("a", "A"),
        ("b", "a/#"),
        ("ab", "a/#"),
        ("$SYS/x", "#"),
        ("$SYS/x", "+/x"),
        ("$SYS/x", "+/#"),
        ("$SYS", "+"),
    ],
)
def test_filter_does_not_match_name(name: str, topic_filter: str) -> None:  # [MQTT-4.7.2-1]
    assert not matches(name, topic_filter)


def _matches_by_recursion(words: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not words
    if patterns == ["#"]:
        return True
    return (
        bool(words)
        and patterns[0] in ("+", words[0])
        and _matches_by_recursion(words[1:], patterns[1:])
    )


@patient
@given(_WORDS, _PATTERNS, st.booleans())
def test_matching_agrees_with_the_definition(
    words: list[str], patterns: list[str], multi: bool
) -> None:
    patterns = [*patterns, "#"] if multi else patterns
    expected = _matches_by_recursion(words, patterns)
    if words[0].startswith("$") and patterns[0] in ("+", "#"):
        expected = False
    name, topic_filter = "/".join(words), "/".join(patterns)
    if name and topic_filter:
        assert matches(name, topic_filter) is expected


@pytest.mark.parametrize(
    ("topic_filter", "group", "inner"),
    [
        ("$share/g/f", "g", "f"),
        ("$share/g/a/+/#", "g", "a/+/#"),
        ("$share/g//", "g", "/"),
        ("$queue/f", "$queue", "f"),
        ("$queue/a/#", "$queue", "a/#"),
        ("a/b", None, "a/b"),
        ("$share", None, "$share"),
        ("$queue", None, "$queue"),
        ("$shared/g/f", None, "$shared/g/f"),
        ("a/$share/g/f", None, "a/$share/g/f"),
    ],
)
def test_share_prefix_is_split_off(topic_filter: str, group: str | None, inner: str) -> None:
    assert split_share(topic_filter) == (group, inner)


@pytest.mark.parametrize(
    "topic_filter",
    [
        "$share/",
        "$share/g",
        "$share/g/",
        "$share//f",
        "$share/+/f",
        "$share/a#/f",
        "$queue/",
        "$share/g/$share/h/f",
        "$share/g/$queue/f",
        "$queue/$share/g/f",
        "$queue/$queue/f",
    ],
)
def test_broken_share_prefix_is_refused(topic_filter: str) -> None:  # [MQTT-4.8.2-1]
    with pytest.raises(InvalidTopic):
        split_share(topic_filter)
