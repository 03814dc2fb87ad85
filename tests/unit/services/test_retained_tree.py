"""Retained messages branch by branch, by a part of the topic, and one of them."""

from __future__ import annotations

import pytest

from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.retained import RetainedStore
from app.clock import FakeClock
from app.config import RetainerConfig
from app.errors import ResultCode, ServiceError
from app.services.retained_tree import RetainedTreeService


class Door:
    def call(self, function, *args):
        return function(*args)


class Audit:
    def __init__(self):
        self.noted = []

    def note(self, action, target):
        self.noted.append((action, target))


@pytest.fixture
def audit():
    return Audit()


@pytest.fixture
def tree(audit):
    store = RetainedStore(RetainerConfig(), Metrics(), FakeClock())
    for topic in ("a", "a/b", "a/c/d", "$SYS/x", "/y"):
        store.on_publish(Message(topic, topic.encode(), 1, True, 7, "me"))
    return RetainedTreeService(store, Door(), audit)


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        ((), [("", False, True), ("$SYS", False, True), ("a", True, True)]),
        (("a",), [("b", True, False), ("c", False, True)]),
        (("$SYS",), [("x", True, False)]),
        (("",), [("y", True, False)]),
        (("nowhere",), []),
    ],
)
def test_a_branch_names_what_is_directly_below_it(tree, levels, found):
    assert tree.below(levels, 10) == (found, len(found))


def test_of_a_wide_branch_some_are_shown_and_all_are_counted(tree):
    shown, total = tree.below((), 1)
    assert (len(shown), total) == (1, 3)


@pytest.mark.parametrize(
    ("text", "found"),
    [("a/", ["a/b", "a/c/d"]), ("+/b", ["a/b"]), ("#", ["/y", "a", "a/b", "a/c/d"])],
)
def test_topics_are_found_by_a_part_or_a_filter(tree, text, found):
    assert tree.search(text, 10) == found


def test_a_filter_that_is_none_is_refused(tree):
    with pytest.raises(ServiceError) as refused:
        tree.search("a#", 10)
    assert refused.value.code is ResultCode.BAD_TOPIC


def test_one_is_shown_and_deleted(tree, audit):
    assert tree.get("a/b").payload == b"a/b"
    tree.delete("a/b")
    assert audit.noted == [("retainer.delete", "a/b")]
    for ask in (tree.get, tree.delete):
        with pytest.raises(ServiceError) as refused:
            ask("a/b")
        assert refused.value.code is ResultCode.NOT_FOUND
