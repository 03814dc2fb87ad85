"""Explanations through the API."""

from __future__ import annotations

from typing import Any

import pytest

STEP = {
    "check": "client.check_acl",
    "by": "emqx_mod_acl_internal",
    "answer": "stop",
    "verdict": "deny",
    "why": ["line 3"],
}


def test_a_question_is_answered_step_by_step(api: Any) -> None:
    wanted = {
        "clientid": "c1",
        "username": "u1",
        "password": "pw",
        "peerhost": "::ffff:192.0.2.7",
        "action": "publish",
        "topic": "plant/1",
    }
    answer = api.post("/explain", wanted)["data"]
    assert (answer["allowed"], answer["reason"], answer["decided_by"]) == (False, "deny", STEP)
    assert [step["check"] for step in answer["steps"]] == ["superuser", "client.check_acl"]
    assert (answer["connected"], answer["is_superuser"]) == (False, False)
    assert api.node.commands == [("explain", "c1", "publish", "plant/1")]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, 107),
        ({"clientid": ""}, 108),
        ({"clientid": "a\0b"}, 108),
        ({"clientid": "c1", "action": "sing"}, 108),
        ({"clientid": "c1", "peerhost": "here"}, 108),
        ({"clientid": "c1", "password": 5}, 108),
        ({"clientid": "c1", "action": "publish"}, 115),
        ({"clientid": "c1", "action": "publish", "topic": "a/#"}, 115),
        ({"clientid": "c1", "action": "subscribe", "topic": "a/#/b"}, 115),
    ],
)
def test_what_is_no_question_is_refused(api: Any, wanted: dict[str, Any], code: int) -> None:
    assert api.post("/explain", wanted)["code"] == code
    assert api.node.commands == []
