"""Bans over the fourth generation."""

from __future__ import annotations

import pytest

BAN = {"who": "c9", "as": "clientid", "reason": "noise"}


def test_the_answer_repeats_exactly_what_was_asked(api):
    assert api.post("/banned", BAN) == {"code": 0, "data": BAN}
    assert api.post("/banned", {"who": "c8", "as": "clientid"})["data"] == {
        "who": "c8",
        "as": "clientid",
    }


def test_a_ban_is_listed_with_what_was_filled_in(api, clock):
    api.post("/banned", BAN)
    now_s = clock.wall_ms() // 1000
    row = {**BAN, "by": "user", "at": now_s, "until": now_s + 300}
    assert api.get("/banned") == {
        "code": 0,
        "meta": {"page": 1, "limit": 10_000, "count": 1},
        "data": [row],
    }


def test_an_empty_reason_is_a_reason(api):
    api.post("/banned", {"who": "c9", "as": "clientid", "reason": "", "by": "me"})
    assert api.get("/banned")["data"][0]["reason"] == ""


def test_a_ban_without_a_reason_is_shown_with_the_reason_undefined(api):
    api.post("/banned", {"who": "c9", "as": "username"})
    assert api.get("/banned")["data"][0]["reason"] == "undefined"


def test_a_ban_reaches_the_node(api):
    api.post("/banned", BAN)
    ((act, record),) = api.node.commands
    assert (act, record.kind, record.who) == ("ban", "clientid", "c9")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, 107, "missing mandatory params: ['who', 'as']"),
        ({"who": "x"}, 107, "missing mandatory params: ['who', 'as']"),
        ({"who": "x", "as": "shoe"}, 108, "value of 'as' must be one of: ['clientid', 'username', 'peerhost']"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_told_in_emqx_s_words(api, body, code, message):
    assert api.post("/banned", body) == {"code": code, "message": message}


def test_lifting_a_ban_takes_it_off_the_list(api):
    api.post("/banned", {"who": "a/b", "as": "username"})
    assert api.delete("/banned/username/a%2Fb") == {"code": 0}
    assert api.get("/banned")["data"] == []
    assert api.node.commands[-1] == ("unban", "username", "a/b")


def test_lifting_a_ban_that_is_not_there_is_no_error(api):
    assert api.delete("/banned/clientid/nobody") == {"code": 0}


def test_lifting_a_ban_of_a_wrong_kind_is_code_108(api):
    answer = api.delete("/banned/shoe/x")
    assert answer["code"] == 108


def test_pages_of_bans_do_not_tell_whether_there_is_more(api):
    for who in ("a", "b", "c"):
        api.post("/banned", {"who": who, "as": "clientid"})
    answer = api.get("/banned?_page=2&_limit=2")
    assert answer["meta"] == {"page": 2, "limit": 2, "count": 3}
    assert [row["who"] for row in answer["data"]] == ["c"]
    assert api.get("/banned?_limit=0")["data"] == []
