"""Delayed messages: the list, one of them, and cancelling it."""

from __future__ import annotations

import pytest

from app.broker.message import Message
from app.broker.ports import StoredDelayed


@pytest.fixture
def waiting(browser):
    browser.log_in("operator")
    message = Message("$delayed/60/later", b"soon", 1, False, 1_700_000_000_000, "press-07")
    browser.services.waiting.append(StoredDelayed(1, message, "later", 1_700_000_060_000))
    return browser, message.id


def test_what_waits_is_listed(waiting):
    browser, _id = waiting
    page = browser.get("/delayed").text
    assert ">later<" in page
    assert "press-07" in page


def test_one_is_looked_at(waiting):
    browser, message_id = waiting
    assert "soon" in browser.get(f"/delayed/message?id={message_id}").text
    assert browser.get("/delayed/message?id=0").status_code == 404


def test_one_is_cancelled(waiting):
    browser, message_id = waiting
    browser.get("/delayed")
    assert browser.post("/delayed/cancel", {"id": message_id}).status_code == 303
    assert "The module is switched off." in browser.get("/delayed").text


def test_the_module_is_switched_on(browser):
    browser.log_in("operator")
    browser.get("/delayed")
    browser.post("/delayed/switch_on")
    assert "Nothing here yet." in browser.get("/delayed").text
