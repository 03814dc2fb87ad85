"""Dead letters in the page: the list, what is in one, trying them once more, letting go of them."""

from __future__ import annotations

import pytest

from app.rules.sql import Columns
from tests.harness.node import eventually

SQL = 'SELECT payload.x AS x FROM "t/#"'


@pytest.fixture
def letters(browser):
    """Somebody who may act, at a node where two results of one rule were given up."""
    node = browser.services.rule_node
    node.start()
    resources, rules = browser.services.resources, browser.services.rules
    resources.create({"id": "web", "type": "web_hook", "config": {"url": "http://127.0.0.1:9"}})
    params = {"$resource": "web", "max_retries": 0}
    action = {"id": "post", "name": "data_to_webserver", "params": params}
    rules.create({"id": "orders", "rawsql": SQL, "actions": [action]})
    running = node.rules.engine._rules["orders"]
    for number in (1, 2):
        event = Columns({"payload": "{}", "topic": "t/a"})
        node.on_loop(running.actions[0].take, {"x": number}, event)
    eventually(lambda: rules.dead_letters.figures().dead_letters == 2, "two are given up")
    browser.log_in("operator")
    browser.get("/dead_letters")
    return browser


def numbers(browser):
    found = browser.services.rules.dead_letters.list(None, 0, 10).letters
    return [str(one.number) for one in found]


def test_the_list_names_rule_action_and_reason(letters):
    page = letters.get("/dead_letters").text
    assert "orders" in page
    assert "post" in page
    assert "127.0.0.1" in page
    assert "Nothing matches." in letters.get("/dead_letters?rule=none").text


def test_the_page_of_the_rule_shows_them_too(letters):
    page = letters.get("/rules/rule?id=orders").text
    assert "/dead_letters/replay_all" in page


def test_one_shows_the_result_and_the_event(letters):
    page = letters.get(f"/dead_letters/letter?number={numbers(letters)[0]}").text
    assert "&#34;x&#34;: 2" in page
    assert "t/a" in page


@pytest.mark.parametrize("number", ["", "x", "99", "9" * 30])
def test_one_that_there_is_not_is_not_found(letters, number):
    assert letters.get(f"/dead_letters/letter?number={number}").status_code == 404
    assert letters.post("/dead_letters/delete", {"number": number}).status_code == 404


def test_one_is_deleted_from_the_list_and_from_its_own_page(letters):
    first, second = numbers(letters)
    headers = {"HX-Request": "true"}
    listed = letters.post("/dead_letters/delete", {"number": first}, headers=headers)
    assert "letters" in listed.headers["HX-Trigger"]
    form = {"number": second, "from": "letter"}
    alone = letters.post("/dead_letters/delete", form, headers=headers)
    assert alone.headers["HX-Redirect"] == "/dashboard/dead_letters"
    assert numbers(letters) == []


def test_one_is_tried_once_more_and_all_of_a_rule_are(letters):
    assert letters.post("/dead_letters/replay", {"number": numbers(letters)[0]}).status_code == 303
    headers = {"HX-Request": "true"}
    answer = letters.post("/dead_letters/replay_all", {"rule": "orders"}, headers=headers)
    assert "tried once more" in answer.headers["HX-Trigger"]


def test_all_of_a_rule_are_deleted(letters):
    headers = {"HX-Request": "true"}
    answer = letters.post("/dead_letters/delete_all", {"rule": "orders"}, headers=headers)
    assert "2 dead letters are deleted." in answer.headers["HX-Trigger"]
    assert numbers(letters) == []


def test_who_may_not_act_only_looks(letters):
    viewer = letters.another()
    viewer.log_in("viewer")
    assert "/dead_letters/delete" not in viewer.get("/dead_letters").text
