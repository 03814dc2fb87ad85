"""Rules in a real browser: made in the page, tried, counted when a client publishes; resources and plugins beside."""

from __future__ import annotations

import pytest
from paho.mqtt import publish

from tests.browser.chromium import assert_accessible, at
from tests.harness.node import eventually

EDITOR = ".sql-editor .cm-content"


def say(node, topic: str, payload: str) -> None:
    host, port = node.tcp
    publish.single(topic, payload, qos=1, hostname=host, port=port)


def write(page, text: str) -> None:
    """Type a statement into the editor, in place of what stands there."""
    page.click(EDITOR)
    page.keyboard.press("Control+a")
    # Writing over coloured letters, Chromium would carry their colour on by a style that the policy refuses.
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


@pytest.fixture
def tidy(node):
    """Rules and resources of a test are gone behind it."""
    yield
    for one in node.data("rules"):
        node.api("DELETE", f"/api/v4/rules/{one['id']}")
    for one in node.data("resources"):
        node.api("DELETE", f"/api/v4/resources/{one['id']}")


def test_a_rule_made_in_the_page_counts_when_a_client_publishes(page, node, tidy):
    page.goto(at(node, "/rules"))
    page.click("text=Create a rule")
    write(page, 'SELECT payload.t AS t, clientid FROM "line/#" WHERE t > 40')
    page.fill("#c-topic", "line/1")
    page.fill("#c-payload", '{"t": 41}')
    page.click("text=Run the statement")
    page.wait_for_selector("#outcome .outcome-success >> text=41")
    page.select_option("[name='add.']", "republish")
    page.click("text=Add an action")
    page.fill("[name='action.0.p.target_topic']", "hot/${clientid}")
    page.select_option("[name='add.0']", "inspect")
    page.click("text=Add a fallback")
    page.wait_for_selector("legend >> text=Inspect (debug)")
    assert page.input_value("[name='action.0.p.target_topic']") == "hot/${clientid}"
    page.fill("#rule-id", "hot")
    assert_accessible(page)
    page.click("text=Save the rule")
    page.wait_for_url("**/rules/rule?id=hot")
    assert_accessible(page)
    say(node, "line/1", '{"t": 50}')
    say(node, "line/1", '{"t": 1}')
    say(node, "line/1", "no JSON")
    passed = page.locator("#rule-now .number-value").nth(1)
    eventually(lambda: passed.inner_text() == "1", "the page counts by itself", deadline_s=30)
    page.wait_for_selector(".complaints >> text=decode_json_failed")
    page.goto(at(node, "/rules"))
    page.click("[role=switch]")
    page.wait_for_selector("[role=switch][aria-checked=false]")
    assert node.data("rules/hot")["enabled"] is False


def test_the_editor_marks_what_is_wrong_and_completes_what_is_begun(page, node):
    page.goto(at(node, "/rules/edit"))
    write(page, 'SELECT * FRM "t"')
    page.wait_for_selector(".cm-lintRange-error >> text=FRM")
    page.wait_for_selector(".sql-problem >> text=line 1, column 10")
    write(page, "SELECT subs")
    page.keyboard.press("Control+Space")
    page.wait_for_selector(".cm-completionDetail >> text=(text, start[, length])")
    page.keyboard.press("Escape")
    page.select_option("#event", "client.connected")
    page.click("text=Use its example")
    page.wait_for_selector(f"{EDITOR} >> text=$events/client_connected")
    page.wait_for_selector("#c-peername")
    # The editor's own styles are let in by their nonce, and no others are.
    assert page.evaluate("getComputedStyle(document.querySelector('.cm-editor')).display") == "flex"


def test_a_statement_is_put_into_lines(page, node):
    page.goto(at(node, "/rules/edit"))
    write(page, 'SELECT payload.t AS t, clientid FROM "line/#" WHERE t > 40')
    page.click("text=Format")
    page.wait_for_selector(f"{EDITOR} .cm-line:nth-child(2)")
    lines = page.locator(f"{EDITOR} .cm-line").all_inner_texts()
    assert [line.split(maxsplit=1)[0] for line in lines] == [
        "SELECT",
        "payload.t",
        "clientid",
        "FROM",
        "WHERE",
    ]


def test_a_statement_is_tried_on_messages_that_came(page, node, tidy):
    page.goto(at(node, "/plugins/settings?name=emqx_rule_engine"))
    page.fill("[name='p.rule_engine.recorder.max_len']", "5")
    page.click("text=Save the settings")
    page.wait_for_selector(".godwit-toast >> text=are saved")
    rule = {"id": "seen", "rawsql": 'SELECT payload.t AS t FROM "seen/#"', "actions": []}
    node.api("POST", "/api/v4/rules", rule)
    page.goto(at(node, "/rules/edit?id=seen"))
    page.click("#recorder button[name=record]")
    page.wait_for_selector("#recorder >> text=Stop and forget")
    say(node, "seen/1", '{"t": 1}')
    say(node, "seen/2", "{")
    page.click("text=Run the statement on them")
    page.wait_for_selector("#recorder td >> text=seen/1")
    page.wait_for_selector("#recorder .status-badge >> text=error")
    assert_accessible(page)


def test_a_resource_is_made_tried_and_kept_while_a_rule_needs_it(page, node, tidy):
    page.goto(at(node, "/resources"))
    page.click("text=Create a resource")
    page.click(".choice >> text=WebHook")
    page.fill("#resource-id", "shop")
    page.fill("[name='p.url']", "http://127.0.0.1:9/orders")
    page.click("text=Test the connection")
    page.wait_for_selector(".godwit-toast >> text=resource_down")
    assert_accessible(page)
    page.click("text=Save the resource")
    page.wait_for_selector("#resources-table >> text=shop")
    action = {"name": "data_to_webserver", "params": {"$resource": "shop"}}
    rule = {"id": "orders", "rawsql": 'SELECT * FROM "o"', "actions": [action]}
    node.api("POST", "/api/v4/rules", rule)
    page.click("summary[aria-label='Actions for shop']")
    page.click("#resources-table >> text=Delete")
    page.click("dialog button[value=yes]")
    page.wait_for_selector(".godwit-toast >> text=orders")
    assert [one["id"] for one in node.data("resources")] == ["shop"]


def test_a_plugin_is_started_configured_and_stopped(page, node):
    page.goto(at(node, "/plugins/settings?name=emqx_auth_jwt"))
    page.fill("[name='p.auth.jwt.secret']", "emqxsecret")
    page.click("text=Save the settings")
    page.wait_for_selector(".godwit-toast >> text=are saved")
    assert page.input_value("[name='p.auth.jwt.secret']") == "******"
    assert_accessible(page)
    page.goto(at(node, "/plugins?name=emqx_reloader"))
    page.click("#plugins-table button:has-text('Start')")
    page.wait_for_selector("#plugins-table .status-badge >> text=running")
    page.click("#plugins-table button:has-text('Stop')")
    page.click("dialog button[value=yes]")
    page.wait_for_selector("#plugins-table .status-badge >> text=stopped")
