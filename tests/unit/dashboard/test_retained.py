"""Retained messages: the tree, the search, one message, and forgetting."""

from __future__ import annotations

import pytest

from app.broker.message import Message
from app.services.audit import AuditQuery

HTMX = {"HX-Request": "true"}


@pytest.fixture
def kept(browser):
    browser.log_in("operator")
    for topic, payload in (
        ("site/press/value", b'{"bar": 4}'),
        ("site/press", b"text"),
        ("site//odd", b"\x00\xff"),
        ("/lead", b"x"),
        ("$SYS/broker/version", b"1"),
    ):
        browser.services.store.on_publish(
            Message(topic, payload, 1, True, 1_700_000_000_000, "press-07")
        )
    return browser


def test_the_tree_begins_with_the_first_levels(kept):
    page = kept.get("/retained").text
    assert ">site<" in page
    assert ">$SYS<" in page
    assert "(empty)" in page
    assert ">press<" not in page


@pytest.mark.parametrize(
    ("prefix", "names"),
    [("site/", ["(empty)", "press"]), ("site//", ["odd"]), ("/", ["lead"]), ("no/", [])],
)
def test_a_branch_is_fetched_when_it_is_opened(kept, prefix, names):
    answer = kept.get(f"/retained/branch?prefix={prefix}", headers=HTMX).text
    assert "<html" not in answer
    assert all(f">{name}<" in answer for name in names)
    assert answer.count("<li>") == len(names)


@pytest.mark.parametrize(
    ("search", "found"),
    [("press", 2), ("site/%2B/value", 1), ("site/%23", 3), ("nothing", 0)],
)
def test_topics_are_found_by_a_part_or_by_a_filter(kept, search, found):
    assert kept.get(f"/retained?search={search}").text.count("tree-topic") == found


def test_a_filter_that_is_none_is_refused(kept):
    assert kept.get("/retained?search=a%23b").status_code == 400


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("topic=site/press/value", "&#34;bar&#34;: 4\n}"),
        ("topic=site/press/value&form=text", "{&#34;bar&#34;: 4}"),
        ("topic=site/press&form=hex", "74 65 78 74"),
        ("topic=site//odd", "00 ff"),
    ],
)
def test_a_payload_is_shown_as_what_it_is_or_as_asked(kept, query, shown):
    page = kept.get(f"/retained/message?{query}").text
    assert shown in page
    assert "press-07" in page


def test_a_payload_is_handed_out_as_it_is(kept):
    answer = kept.get("/retained/payload?topic=site//odd")
    assert answer.data == b"\x00\xff"
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_message_is_deleted_and_that_is_written_down(kept):
    kept.get("/retained")
    assert kept.post("/retained/delete", {"topic": "site/press"}).status_code == 303
    assert kept.services.store.get("site/press") is None
    (entry,), _total = kept.services.audit.list(AuditQuery(action="retainer.delete"), 1, 10)
    assert entry.target == "site/press"
    assert kept.get("/retained/message?topic=site/press").status_code == 404


def test_what_matches_a_filter_is_deleted(kept):
    kept.get("/retained")
    assert kept.post("/retained/clean", {"topic_filter": "site/#"}).status_code == 303
    assert len(kept.services.store) == 2
