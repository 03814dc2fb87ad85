"""The audit log: what is shown of an entry, and filters."""

from __future__ import annotations

import pytest

from app.dashboard.views.audit import Difference, differences


@pytest.fixture
def reading(browser):
    browser.log_in("administrator")
    browser.services.audit.note("client.kick", "c7")
    browser.services.audit.note(
        "app.update", "meter", before={"status": True}, after={"status": False}
    )
    return browser


def test_an_entry_says_who_what_and_the_difference(reading):
    page = reading.get("/audit?action=app.update").text
    assert "meter" in page
    assert '<del class="was">true</del>' in page
    assert '<ins class="is-now">false</ins>' in page


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("target=c7", True),
        ("target=c8", False),
        ("action=client.", True),
        ("action=rule", False),
        ("actor=nobody-else", False),
        ("span=3600", True),
    ],
)
def test_filters_look_for_parts(reading, query, is_found):
    page = reading.get(f"/audit?{query}").text
    assert ("client.kick" in page.split("<tbody>")[-1]) is is_found


def test_what_stayed_the_same_is_no_difference():
    assert differences({"a": 1, "b": [2]}, {"a": 1, "b": [3], "c": "x"}) == [
        Difference("b", "[2]", "[3]"),
        Difference("c", None, "x"),
    ]


def test_a_state_that_is_no_object_is_a_difference_as_a_whole():
    assert differences(None, 7) == [Difference("", None, "7")]


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_nobody_else_reads_it(browser, role):
    browser.log_in(role)
    assert browser.get("/audit").status_code == 403
