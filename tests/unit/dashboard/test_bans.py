"""The list of bans, banning and lifting."""

from __future__ import annotations

import time

import pytest

from app.broker.flapping import BY
from app.broker.records import BanRecord

HTMX = {"HX-Request": "true"}


@pytest.fixture
def listed(browser):
    browser.log_in("operator")
    browser.get("/bans")
    return browser


@pytest.mark.parametrize(
    ("kind", "who", "kept"),
    [
        ("clientid", "c7", "c7"),
        ("username", "u 1", "u 1"),
        ("peerhost", "192.0.2.1", "192.0.2.1"),
        ("peerhost", "10.1.2.3/8", "10.0.0.0/8"),
    ],
)
def test_a_ban_of_every_kind_is_kept_told_to_the_node_and_listed(listed, kind, who, kept):
    form = {"kind": kind, "who": who, "span": "3600", "reason": "floods us"}
    assert listed.post("/bans/add", form).status_code == 303
    (command,) = [one for one in listed.node.commands if one[0] == "ban"]
    record = command[1]
    assert (record.kind, record.who, record.by) == (kind, kept, "operator")
    assert abs(record.until_s - time.time() - 3600) < 60
    page = listed.get("/bans").text
    assert kept in page
    assert "floods us" in page


def test_a_ban_for_good_has_no_end(listed):
    listed.post("/bans/add", {"kind": "clientid", "who": "c7", "span": "", "reason": ""})
    (record,), _total = listed.services.banned.list(1, 10)
    assert record.until_s is None
    assert "for good" in listed.get("/bans").text


def test_what_is_no_address_is_refused_in_words(listed):
    answer = listed.post("/bans/add", {"kind": "peerhost", "who": "here"}, headers=HTMX)
    assert answer.status_code == 400
    assert "IP address" in answer.headers["HX-Trigger"]


def test_a_lifted_ban_is_gone_and_the_node_knows(listed):
    listed.post("/bans/add", {"kind": "clientid", "who": "c7", "span": "300"})
    answer = listed.post("/bans/lift", {"kind": "clientid", "who": "c7"}, headers=HTMX)
    assert "bans-table" in answer.headers["HX-Trigger"]
    assert ("unban", "clientid", "c7") in listed.node.commands
    assert listed.services.banned.list(1, 10)[1] == 0


def test_who_was_banned_by_flapping_detection_is_marked(listed):
    until_s = int(listed.clock.wall_ms() / 1000) + 60
    made = BanRecord("clientid", "restless", BY, "flapping", until_s - 120, until_s)
    listed.node.bans_made.append(made)
    page = listed.get("/bans").text
    assert "restless" in page
    assert "flapping detection</span>" in page


def test_who_may_only_look_sees_no_form(browser):
    browser.log_in("viewer")
    assert "/bans/add" not in browser.get("/bans").text
