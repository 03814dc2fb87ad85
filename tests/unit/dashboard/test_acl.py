"""The rules of the file and those of the database."""

from __future__ import annotations

import pytest

HTMX = {"HX-Request": "true"}


@pytest.fixture
def ruling(browser):
    browser.services.modules.load("emqx_mod_acl_internal")
    browser.log_in("operator")
    browser.get("/acl")
    return browser


def test_the_file_is_shown_line_by_line_and_who_is_asked(ruling):
    page = ruling.get("/acl").text
    assert page.count("<li") >= 3
    assert "{allow, {user, &#34;u1&#34;}, pubsub" in page
    assert "1 · emqx_auth_mnesia" in page
    assert "acl_nomatch = allow" in page


def test_reading_the_file_again_is_written_down(ruling):
    answer = ruling.post("/acl/reload", headers=HTMX)
    assert "acl-file" in answer.headers["HX-Trigger"]
    assert ruling.services.reloaded == ["emqx_mod_acl_internal"]


@pytest.mark.parametrize(
    ("kind", "login", "kept"),
    [("username", "u1", "u1"), ("clientid", "c1", "c1"), ("all", "ignored", "")],
)
def test_a_rule_is_added_listed_and_deleted(ruling, kind, login, kept):
    rule = {"kind": kind, "login": login, "topic": "a/+/#", "action": "pubsub", "access": "deny"}
    assert ruling.post("/acl/database/add", rule).status_code == 303
    found = ruling.services.acl_rules.of(kind, kept)
    assert {one.action for one in found} == {"pub", "sub"}
    page = ruling.get("/acl/database").text
    assert page.count("a/+/#</span>") == 2
    removed = {"kind": kind, "login": kept, "topic": "a/+/#"}
    answer = ruling.post("/acl/database/delete", removed, headers=HTMX)
    assert "acl-table" in answer.headers["HX-Trigger"]
    assert not ruling.services.acl_rules.of(kind, kept)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("kind=all", 1),
        ("like=u", 1),
        ("access=deny", 2),
        ("action=sub", 1),
        ("topic=x", 1),
    ],
)
def test_filters_narrow_the_rules_down(ruling, query, found):
    for who, topic, action, access in (
        ({"username": "u1"}, "x", "pub", "deny"),
        ({"clientid": "c1"}, "y", "sub", "deny"),
        ({}, "z", "pub", "allow"),
    ):
        ruling.services.acl_rules.add({**who, "topic": topic, "action": action, "access": access})
    page = ruling.get(f"/acl/database?{query}").text
    assert page.count("<tr>") - 1 == found


def test_a_topic_that_is_none_is_refused_in_words(ruling):
    rule = {"kind": "all", "topic": "a/#/b", "action": "pub", "access": "deny"}
    answer = ruling.post("/acl/database/add", rule)
    assert answer.status_code == 400
    assert "topic" in answer.text
