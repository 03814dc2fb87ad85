"""The trie finds exactly the filters that `topic.matches` says match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.trie import Trie
from app.mqtt.topic import matches
from tests.unit.broker.strategies import topic_filters, topic_names


def trie_of(*topic_filters: str) -> Trie[str]:
    trie: Trie[str] = Trie()
    for topic_filter in topic_filters:
        trie.insert(topic_filter, topic_filter)
    return trie


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("#", "a/b/c", True),
        ("a/#", "a", True),  # 4.7.1.2: `#` stands for the parent as well
        ("a/#", "a/", True),
        ("a/#", "ab", False),
        ("+", "a", True),
        ("+", "a/", False),
        ("+/+", "/", True),
        ("/+", "/a", True),
        ("+", "/a", False),
        ("a/+/c", "a//c", True),
        ("+/#", "a", True),
        ("#", "$SYS/x", False),  # [MQTT-4.7.2-1]
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("$SYS/+", "$SYS/x", True),
        ("a/#", "a/$x", True),  # the first level only
        ("a/+", "a/$x", True),
    ],
)
def test_a_filter_matches_as_the_standard_says(
    topic_filter: str, topic: str, expected: bool
) -> None:
    assert bool(trie_of(topic_filter).match(topic)) is expected


def test_inserting_again_replaces_the_value() -> None:
    trie = trie_of("a/+")
    trie.insert("a/+", "new")
    assert (trie.match("a/b"), len(trie)) == (["new"], 1)


def test_removing_a_filter_leaves_those_below_and_above_it() -> None:
    trie = trie_of("a/+", "a/+/c", "a/#")
    trie.remove("a/+")
    assert trie.match("a/b") == ["a/#"]
    assert sorted(trie.match("a/b/c")) == ["a/#", "a/+/c"]


def test_removing_a_filter_that_is_not_there_changes_nothing() -> None:
    trie = trie_of("a/b/+")
    for missing in ("a", "a/b", "x/+", "a/b/+/d"):
        trie.remove(missing)
    assert (len(trie), trie.match("a/b/c")) == (1, ["a/b/+"])


def test_a_trie_that_was_emptied_keeps_no_branches() -> None:
    trie = trie_of("a/b/c/+", "a/b/#", "+")
    for topic_filter in ("a/b/c/+", "+", "a/b/#"):
        trie.remove(topic_filter)
    assert trie._root.is_empty()
    assert not trie


@given(
    st.lists(st.tuples(st.booleans(), topic_filters()), max_size=20),
    st.lists(topic_names, max_size=5),
)
def test_a_trie_finds_what_a_walk_over_all_filters_finds(
    steps: list[tuple[bool, str]], names: list[str]
) -> None:
    trie: Trie[str] = Trie()
    known: set[str] = set()
    for is_insert, topic_filter in steps:
        if is_insert:
            trie.insert(topic_filter, topic_filter)
            known.add(topic_filter)
        else:
            trie.remove(topic_filter)
            known.discard(topic_filter)
    assert len(trie) == len(known)
    for name in names:
        found = trie.match(name)
        assert sorted(found) == sorted(wanted for wanted in known if matches(name, wanted))
