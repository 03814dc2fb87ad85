"""Access control and administration against a live node with real MQTT clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest

from tests.browser.chromium import (
    assert_accessible,
    assert_accessible_in_both_themes,
    at,
    log_in,
    opened,
)
from tests.harness.node import NodeProcess, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "good-enough-1"


def answer_to(node: NodeProcess, clientid: str, username: str = "", password: str = "") -> str:
    """Return what a client that comes in is told."""
    answers: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, clientid, protocol=paho.MQTTv5)
    client.on_connect = lambda _client, _data, _flags, code, _more: answers.append(str(code))
    if username:
        client.username_pw_set(username, password)
    client.connect(*node.tcp)
    eventually(lambda: client.loop(0.05) * 0 or answers, "an answer")
    client.disconnect()
    return answers[0]


def go(page: Page, node: NodeProcess, path: str) -> None:
    page.goto(at(node, path))
    page.wait_for_load_state("networkidle")


def said(page: Page, words: str) -> None:
    """Wait until a toast says something."""
    page.wait_for_selector(f"#toasts :text('{words}')")


def confirm(page: Page) -> None:
    page.click("dialog.confirm button.btn-primary, dialog.confirm button.btn-danger")


@pytest.fixture
def connected(node: NodeProcess) -> Iterator[Any]:
    """A client that is there until it is put out."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "loud-one", reconnect_on_failure=False)
    client.connect(*node.tcp)
    client.loop_start()
    eventually(client.is_connected, "the client connects")
    yield client
    client.disconnect()
    client.loop_stop()


def test_who_is_banned_in_the_page_is_put_out_and_refused_until_the_ban_is_lifted(
    page, node, connected
):
    go(page, node, "/bans")
    page.fill("#entry-who", "loud-one")
    page.fill("#entry-reason", "too loud")
    page.click("form.line-form button[type=submit]")
    said(page, "loud-one is banned")
    eventually(lambda: not connected.is_connected(), "the client is put out")
    assert answer_to(node, "loud-one") == "Banned"
    page.wait_for_selector("#bans-table >> text=too loud")
    assert_accessible_in_both_themes(page)
    page.click("#bans-table button:has-text('Lift')")
    confirm(page)
    said(page, "may come in again")
    page.wait_for_selector("#bans-table >> text=Nobody is banned")
    assert answer_to(node, "loud-one") == "Success"


def test_a_login_that_is_added_in_the_page_lets_a_client_in(page, node):
    node.api("PUT", "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_mnesia/load")
    go(page, node, "/authentication/username")
    page.fill("#entry-login", "meter")
    page.fill("#entry-password", "secret-1")
    page.click("form.line-form button[type=submit]")
    said(page, "meter may log in")
    assert answer_to(node, "c1", "meter", "secret-1") == "Success"
    assert answer_to(node, "c1", "meter", "wrong") == "Bad user name or password"
    assert_accessible_in_both_themes(page)
    go(page, node, "/authentication")
    page.wait_for_selector("#plugins tr:has-text('emqx_auth_mnesia') :text('asked')")
    go(page, node, "/authentication/username")
    page.click("#logins-table button:has-text('Delete')")
    confirm(page)
    said(page, "meter is deleted")


def test_an_explanation_says_which_rule_decides(page, node):
    go(page, node, "/explain")
    page.fill("#entry-clientid", "somebody")
    page.select_option("#entry-action", "subscribe")
    page.fill("#entry-topic", "$SYS/#")
    page.fill("#entry-peerhost", "192.0.2.9")
    page.fill("#entry-username", "u1")
    page.click("form.line-form button[type=submit]")
    page.wait_for_selector("#explanation .verdict")
    page.wait_for_selector("#explanation .step-decides")
    assert_accessible_in_both_themes(page)


def test_an_export_is_made_changed_by_hand_compared_and_imported(page, node, tmp_path):
    node.api("POST", "/api/v4/banned", {"who": "kept", "as": "clientid", "reason": "loud"})
    go(page, node, "/data")
    page.click("button:has-text('Make an export')")
    page.wait_for_selector("#files-table tbody tr")
    with page.expect_download() as fetched:
        page.click("#files-table a:has-text('Download')")
    file = tmp_path / "mine.json"
    fetched.value.save_as(file)
    file.write_text(file.read_text("utf-8").replace('"loud"', '"very loud"'), "utf-8")
    page.set_input_files("#upload-file", str(file))
    page.click("button:has-text('Upload')")
    page.wait_for_url("**/data/compare?filename=mine.json")
    page.wait_for_selector("ins:has-text('very loud')")
    assert_accessible_in_both_themes(page)
    page.click("button:has-text('Import')")
    confirm(page)
    page.wait_for_selector("text=The file is imported")
    (kept,) = [one for one in node.data("banned") if one["who"] == "kept"]
    assert kept["reason"] == "very loud"
    node.api("DELETE", "/api/v4/banned/clientid/kept")


def test_the_secret_of_a_new_application_works_at_the_api(page, node):
    go(page, node, "/applications")
    page.fill("#entry-app_id", "meter-app")
    page.fill("#entry-name", "Meters")
    page.select_option("#entry-permission", "read_only")
    page.click("form.line-form button[type=submit]")
    page.wait_for_selector("code.secret")
    secret = page.inner_text("code.secret")
    assert_accessible(page)
    answer = node.api("GET", "/api/v4/brokers", auth=("meter-app", secret))
    assert answer.status == 200
    assert node.api("DELETE", "/api/v4/clients/x", auth=("meter-app", secret)).status == 403


def test_roles_see_and_may_do_what_is_theirs(page, browser: Browser, node):
    go(page, node, "/users")
    page.fill("#entry-username", "ada")
    page.fill("#entry-password", PASSWORD)
    page.select_option("#entry-role", "viewer")
    page.click("form.line-form button[type=submit]")
    said(page, "ada may log in")
    assert_accessible(page)
    theirs = opened(browser, node, locale="en-US")
    other = theirs.new_page()
    log_in(other, node, "ada", PASSWORD)
    assert other.locator("#menu a[href$='/users']").count() == 0
    go(other, node, "/bans")
    assert other.locator("form.line-form").count() == 0
    go(page, node, "/users/user?name=ada")
    page.click("#user-logins button:has-text('Log out')")
    said(page, "logged out")
    go(other, node, "/bans")
    assert "/login" in other.url
    theirs.close()
    go(page, node, "/audit?action=user.create")
    page.wait_for_selector("#audit-table >> text=ada")
    assert_accessible_in_both_themes(page)


def test_a_hot_setting_is_changed_and_taken_back(page, node):
    go(page, node, "/settings?search=max_topic_levels")
    page.click("#settings-table a:has-text('mqtt.max_topic_levels')")
    page.fill("#entry-value", "7")
    page.click("form.line-form button[type=submit]")
    said(page, "in force")
    go(page, node, "/settings?source=override")
    page.wait_for_selector("#settings-table >> text=mqtt.max_topic_levels")
    go(page, node, "/settings/setting?key=mqtt.max_topic_levels")
    assert_accessible(page)
    page.click("button:has-text('Take the change back')")
    confirm(page)
    said(page, "taken back")


def test_calls_lead_to_their_descriptions(page, node):
    go(page, node, "/http_api?generation=v4&call=%2Fbanned")
    assert_accessible(page)
    page.click("#calls-table a:has-text('/banned') >> nth=0")
    page.wait_for_url("**/api/docs#v4/*")
    page.wait_for_selector("h1, h2")


def test_a_backup_is_made_checked_and_fetched(page, node):
    go(page, node, "/backups")
    page.wait_for_selector("text=Make the first one above.")
    page.fill("#entry-passphrase", "correct horse battery")
    page.click("form.line-form button[type=submit]")
    page.wait_for_selector("#backups-now .alert:has-text('is made.')")
    page.click("#backups-table summary:has-text('Check')")
    page.fill("#backups-table input[name=passphrase]", "another long passphrase")
    page.click("#backups-table .password-menu button")
    page.wait_for_selector("#backups-now .alert-danger:has-text('passphrase is wrong')")
    page.click("#backups-table summary:has-text('Check')")
    page.fill("#backups-table input[name=passphrase]", "correct horse battery")
    page.click("#backups-table .password-menu button")
    page.wait_for_selector("#backups-now .alert:has-text('is whole')")
    assert "--passphrase-file PASSPHRASE" in page.inner_text("#restore pre")
    assert_accessible_in_both_themes(page)
    with page.expect_download() as fetched:
        page.click("#backups-table a:has-text('Download')")
    assert Path(fetched.value.path()).read_bytes().startswith(b"\x1f\x8b")
    page.click("#backups-table button:has-text('Delete')")
    confirm(page)
    page.wait_for_selector("text=Make the first one above.")


def grant(node: NodeProcess, clientid: str, topic: str) -> str:
    """Return what a client is told that subscribes to a topic."""
    answers: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, clientid, protocol=paho.MQTTv5)
    client.on_connect = lambda *_connected: client.subscribe(topic)
    client.on_subscribe = lambda _client, _data, _mid, codes, _more: answers.append(str(codes[0]))
    client.connect(*node.tcp)
    eventually(lambda: client.loop(0.05) * 0 or answers, "an answer")
    client.disconnect()
    return answers[0]


def test_the_rules_of_the_file_are_changed_tried_and_hold_at_once(page, node):
    go(page, node, "/acl")
    assert grant(node, "curious", "secret/#") == "Granted QoS 0"
    page.click("#acl-file a:has-text('Change')")
    before = page.input_value("#acl-text")
    page.wait_for_selector("text=4 rules, nothing is wrong with them.")
    page.fill("#acl-text", "{allow, all}.\n{deny all}.\n")
    page.wait_for_selector("#acl-problem >> text=line 2, column 7")
    page.click("button:has-text('Save the rules')")
    page.wait_for_selector("#toasts :text('line 2, column 7')")
    page.fill("#acl-text", '{deny, {client, "curious"}, subscribe, ["secret/#"]}.\n' + before)
    page.wait_for_selector("text=5 rules, nothing is wrong with them.")
    page.fill("#try-clientid", "curious")
    page.select_option("#try-action", "subscribe")
    page.fill("#try-topic", "secret/#")
    page.click("button:has-text('Try these rules')")
    page.wait_for_selector("#acl-trial >> text=Line 1:")
    assert grant(node, "curious", "secret/#") == "Granted QoS 0"
    assert_accessible_in_both_themes(page)
    page.click("button:has-text('Save the rules')")
    page.wait_for_url("**/acl")
    assert grant(node, "curious", "secret/#") == "Not authorized"
    go(page, node, "/acl/edit")
    page.fill("#acl-text", before)
    page.click("button:has-text('Save the rules')")
    page.wait_for_url("**/acl")
    assert grant(node, "curious", "secret/#") == "Granted QoS 0"
