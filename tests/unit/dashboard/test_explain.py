"""Explanations: the form, its answer, and who may ask."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def asking(browser):
    browser.log_in("operator")
    browser.get("/explain")
    return browser


def test_the_form_asks_the_node_and_shows_every_step(asking):
    form = {"clientid": "c1", "action": "publish", "topic": "a/b"}
    page = asking.post("/explain/ask", form).text
    assert "Not allowed" in page
    assert "the client is no superuser" in page
    assert "line 3" in page
    assert "step-decides" in page
    assert asking.node.commands[-1] == ("explain", "c1", "publish", "a/b")


def test_our_script_gets_the_answer_alone(asking):
    headers = {"HX-Request": "true", "HX-Target": "explanation"}
    part = asking.post(
        "/explain/ask", {"clientid": "c1", "action": "connect"}, headers=headers
    ).text
    assert 'id="explanation"' in part
    assert "<html" not in part


def test_an_address_can_hold_a_question_but_no_password(asking):
    page = asking.get("/explain?clientid=c1&action=subscribe&topic=a%2F%23&password=secret").text
    assert "Not allowed" in page
    assert not re.search(r'name="password"[^>]* value="[^"]', page)
    assert 'value="a/#"' in page


def test_a_topic_that_cannot_be_is_refused_in_words(asking):
    form = {"clientid": "c1", "action": "publish", "topic": "a/#"}
    answer = asking.post("/explain/ask", form)
    assert answer.status_code == 400
    assert "no topic that MQTT allows" in answer.text


def test_nobody_who_may_only_look_can_try_passwords(browser):
    browser.log_in("viewer")
    assert browser.get("/explain").status_code == 403
    assert "/dashboard/explain" not in browser.get("/clients").text
