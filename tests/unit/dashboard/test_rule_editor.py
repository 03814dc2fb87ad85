"""Making and changing rules in the page: the form, its draft, and trying statements out."""

from __future__ import annotations

import pytest

from app.broker.message import Message
from app.rules.events import MESSAGE_PUBLISH, columns_of
from app.services import rule_language

SQL = 'SELECT payload.x AS x, clientid FROM "t/#"'
FORM = {"is_new": "true", "rawsql": SQL, "event": "message.publish", "enabled": "true"}
REPUBLISH = {
    "action.0.name": "republish",
    "action.0.p.target_topic": "out/${clientid}",
    "action.0.p.target_qos": "1",
    "action.0.p.payload_tmpl": "",
    "action.0.0.name": "inspect",
}


@pytest.fixture
def editor(browser):
    """Somebody who may act, with the form before him."""
    browser.services.rule_node.start()
    browser.log_in("operator")
    browser.get("/rules/edit")
    return browser


def test_a_new_rule_begins_with_an_example(editor):
    page = editor.get("/rules/edit").text
    assert "SELECT payload.msg as msg" in page
    assert "style-nonce" in page
    assert 'name="c.clientid"' in page


def test_a_rule_is_made_with_actions_and_fallbacks(editor):
    answer = editor.post("/rules/save", {**FORM, **REPUBLISH, "id": "a b&c"})
    assert answer.headers["Location"] == "/dashboard/rules/rule?id=a%20b%26c"
    rule = editor.services.rules.get("a b&c")
    (action,) = rule.actions
    assert action.params["target_topic"] == "out/${clientid}"
    assert action.params["target_qos"] == 1
    assert action.params["payload_tmpl"] == ""
    assert [one.name for one in action.fallbacks] == ["inspect"]


def test_a_rule_is_changed_and_its_actions_keep_their_ids(editor):
    rule = editor.services.rules.create(
        {"id": "r", "rawsql": SQL, "actions": [{"name": "inspect"}], "on_action_failed": "stop"}
    )
    page = editor.get("/rules/edit?id=r").text
    assert rule.actions[0].id in page
    form = {
        **FORM,
        "is_new": "false",
        "id": "r",
        "description": "better",
        "on_action_failed": "stop",
        "action.0.name": "inspect",
        "action.0.id": rule.actions[0].id,
    }
    assert editor.post("/rules/save", form).status_code == 303
    changed = editor.services.rules.get("r")
    assert changed.description == "better"
    assert changed.actions[0].id == rule.actions[0].id
    assert changed.on_action_failed == "stop"


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "line 1, column 10: expected one of"), ("zh", "第 1 行第 10 列：此处应为")],
)
def test_what_is_no_statement_is_told_in_the_language_of_the_reader(editor, language, words):
    editor.post("/preferences", {"language": language})
    answer = editor.post("/rules/save", {**FORM, "rawsql": "SELECT * FRM t"})
    assert answer.status_code == 400
    assert words in answer.text


def test_the_editor_is_told_the_place(editor):
    wrong = editor.post("/rules/check", {"rawsql": "SELECT *\nFROM 'a' WHERE"}).json["problem"]
    assert wrong["line"] == 2
    assert editor.post("/rules/check", {"rawsql": SQL}).json == {"problem": None}


def test_the_editor_knows_every_function_and_the_columns_of_every_event(editor):
    words = editor.get("/rules/language").json
    assert words["functions"]["substr"] == "substr(text, start[, length])"
    assert len(words["events"]) == len(rule_language.events())
    assert "puback_props" in words["events"]["$events/message_acked"]["columns"]


def test_a_statement_is_put_into_lines_and_what_else_was_typed_stays(editor):
    editor.get("/rules/edit")
    form = {"do": "format", "rawsql": "select a,b from 't/#'", "c.payload": "typed"}
    page = editor.post("/rules/draft", form).text
    assert "SELECT\n  a,\n  b\nFROM &#39;t/#&#39;</textarea>" in page
    assert ">typed</textarea>" in page


def test_another_event_brings_its_example_unless_something_was_typed(editor):
    event = {**FORM, "do": "event", "event": "client.connected"}
    typed = editor.post("/rules/draft", event).text
    assert "t/#" in typed
    assert "SELECT * FROM" not in typed
    untouched = editor.post("/rules/draft", {**event, "rawsql": ""}).text
    assert "$events/client_connected" in untouched
    assert "peername" in untouched
    wanted = editor.post("/rules/draft", {**event, "do": "example"}).text
    assert "SELECT * FROM" in wanted


def test_actions_come_and_go_and_keep_what_was_typed(editor):
    headers = {"HX-Request": "true", "HX-Target": "actions"}
    form = {**FORM, **REPUBLISH}
    added = editor.post(
        "/rules/draft", {**form, "do": "add:", "add.": "do_nothing"}, headers=headers
    )
    assert "<html" not in added.text
    assert 'name="action.1.name" value="do_nothing"' in added.text
    assert "out/${clientid}" in added.text
    below = editor.post("/rules/draft", {**form, "do": "add:0.0", "add.0.0": "inspect"})
    assert 'name="action.0.0.0.name" value="inspect"' in below.text
    without = editor.post("/rules/draft", {**form, "do": "remove:0.0"}, headers=headers)
    assert 'name="action.0.name"' in without.text
    assert 'name="action.0.0.name"' not in without.text


def test_resources_to_choose_from_are_of_the_right_kind(editor):
    create = editor.services.resources.create
    create({"id": "web", "type": "web_hook", "config": {"url": "http://127.0.0.1:9"}})
    create({"id": "mqtt", "type": "bridge_mqtt", "config": {"address": "127.0.0.1:9"}})
    page = editor.post("/rules/draft", {**FORM, "do": "add:", "add.": "data_to_webserver"}).text
    assert '<option value="web"' in page
    assert '<option value="mqtt"' not in page


def test_a_parameter_that_lacks_is_named_in_the_language_of_the_reader(editor):
    form = {**FORM, **REPUBLISH, "action.0.p.target_topic": ""}
    assert "Target Topic must not be empty" in editor.post("/rules/save", form).text
    editor.post("/preferences", {"language": "zh"})
    assert "目的主题" in editor.post("/rules/save", form).text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ({"c.topic": "t/a", "c.payload": '{"x": 5}'}, "&#34;x&#34;: 5"),
        ({"c.topic": "other", "c.payload": "{}"}, "selects nothing"),
        ({"c.topic": "t/a", "c.payload": "{x"}, "The payload is no JSON"),
        ({"c.topic": "t/a", "c.payload": "{x", "payload_format": "text"}, "decode_json_failed"),
        ({"rawsql": "SELECT"}, "line 1, column"),
    ],
)
def test_a_statement_is_tried_on_what_was_typed(editor, typed, shown):
    headers = {"HX-Request": "true", "HX-Target": "outcome"}
    answer = editor.post("/rules/test", {**FORM, **typed}, headers=headers)
    assert answer.text.lstrip().startswith('<div id="outcome"')
    assert shown in answer.text


def test_a_statement_is_tried_on_what_was_recorded(editor):
    rules, node = editor.services.rules, editor.services.rule_node
    editor.services.plugins.set_config("emqx_rule_engine", {"rule_engine.recorder.max_len": "5"})
    rules.create({"id": "r", "rawsql": SQL, "actions": []})
    form = {**FORM, "id": "r", "is_new": "false"}
    assert "Stop and forget" in editor.post("/rules/record", {**form, "record": "on"}).text
    running = node.rules.engine._rules["r"]
    for payload in (b'{"x": 1}', b"{"):
        columns = columns_of(
            MESSAGE_PUBLISH,
            node.rules.engine._around,
            Message("t/a", payload, 0, False, 1_700_000_000_000),
        )
        running.apply(columns)
    page = editor.post("/rules/recorded", {**form, "rows": "10"}).text
    assert page.count('<pre class="cell-pre">') == 2
    assert "decode_json_failed" in page
    assert "&#34;x&#34;: 1" in page
    assert "Stop and forget" not in editor.post("/rules/record", {**form, "record": "off"}).text


def test_recording_says_what_to_set_where_it_is_off(editor):
    editor.services.rules.create({"id": "r", "rawsql": SQL, "actions": []})
    answer = editor.post("/rules/record", {**FORM, "id": "r", "is_new": "false", "record": "on"})
    assert answer.status_code == 400
