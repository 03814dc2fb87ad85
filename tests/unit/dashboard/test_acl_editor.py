"""The editor of the rule file: where it goes wrong, whom it would let through, and that it is replaced whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.broker.explaining import Explanation, Step

HTMX = {"HX-Request": "true"}
DRAFT = '{deny, {user, "u1"}, publish, ["a/#"]}.\n{allow, all}.\n'
ASKED = {"clientid": "c", "username": "u1", "action": "publish", "topic": "a/1"}
RULES_ASKED = Explanation(
    True,
    "allow",
    is_connected=False,
    is_superuser=False,
    steps=(Step("client.check_acl", "emqx_mod_acl_internal", "stop", "allow", ("line 2",)),),
)


@pytest.fixture
def editing(browser, monkeypatch):
    browser.log_in("administrator")
    browser.get("/acl/edit")
    monkeypatch.setattr(
        type(browser.services.explain), "explain", lambda _self, _params: browser.services.said
    )
    browser.services.said = RULES_ASKED
    return browser


def file_of(browser):
    return browser.services.acl_file.file()


def test_the_editor_holds_the_file(editing):
    page = editing.get("/acl/edit").text
    assert "{allow, {user, &#34;u1&#34;}, pubsub" in page
    assert f'value="{file_of(editing).digest}"' in page


def test_a_mistake_is_shown_in_its_line(editing):
    target = {**HTMX, "HX-Target": "acl-problem"}
    answer = editing.post("/acl/check", {"text": "{allow, all}.\n{alow, all}.\n"}, headers=target)
    assert "line 2, column 2: allow or deny is expected here" in answer.text
    assert "{alow, all}." in answer.text
    answer = editing.post("/acl/check", {"text": DRAFT}, headers=target)
    assert "2 rules, nothing is wrong" in answer.text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ASKED, "Line 1:"),
        ({**ASKED, "username": "other"}, "Line 2:"),
        ({**ASKED, "action": "subscribe", "topic": "$share/g/a/1"}, "Line 2:"),
    ],
)
def test_a_draft_is_tried_on_a_client_before_it_holds(editing, asked, said):
    before = file_of(editing).text
    answer = editing.post(
        "/acl/try", {"text": DRAFT, **asked}, headers={**HTMX, "HX-Target": "acl-trial"}
    )
    assert said in answer.text
    assert file_of(editing).text == before


def test_where_no_rule_fits_or_another_decides_it_is_said(editing):
    form = {"text": '{deny, all, publish, ["b"]}.', **ASKED}
    assert "No rule fits, and acl_nomatch is allow." in editing.post("/acl/try", form).text
    step = Step("superuser", "broker", "stop", "allow", ("the client is a superuser",))
    editing.services.said = replace(RULES_ASKED, steps=(step,))
    assert "decides before the file is asked" in editing.post("/acl/try", form).text
    step = Step("client.check_acl", "emqx_auth_mnesia", "stop", "allow")
    editing.services.said = replace(RULES_ASKED, steps=(step,))
    assert (
        "emqx_auth_mnesia decides before the file is asked" in editing.post("/acl/try", form).text
    )


def test_saving_replaces_the_file_in_one_step_and_is_written_down(editing):
    file = file_of(editing)
    form = {"text": DRAFT.replace("\n", "\r\n"), "seen": file.digest}
    assert editing.post("/acl/save", form).headers["Location"] == "/dashboard/acl"
    assert file_of(editing).text == DRAFT
    page = editing.get("/audit?action=acl_file.write").text
    assert "+{allow, all}." in page


@pytest.mark.parametrize(
    ("text", "seen", "said"),
    [
        ("{allow, none}.", None, "line 1, column 9"),
        (DRAFT, "of another text", "changed meanwhile"),
        ("%" + "a" * 140_000, None, "must not be larger"),
    ],
)
def test_what_cannot_be_leaves_the_file_as_it_is(editing, text, seen, said):
    before = file_of(editing)
    answer = editing.post("/acl/save", {"text": text, "seen": seen or before.digest})
    assert said in answer.text
    assert file_of(editing).text == before.text


def test_a_folder_that_cannot_be_written_is_said(editing, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("app.services.acl_file.tempfile.mkstemp", refuse)
    answer = editing.post("/acl/save", {"text": DRAFT, "seen": file_of(editing).digest})
    assert "cannot be written (Permission denied)" in answer.text


def test_only_administrators_may(browser):
    browser.log_in("operator")
    assert "/acl/edit" not in browser.get("/acl").text
    assert browser.get("/acl/edit").status_code == 403
    assert browser.post("/acl/save", {"text": DRAFT}).status_code == 403
