"""What an operator looks at: clients, subscriptions, topics and messages, listeners, alarms, traces, diagnostics."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from tests.browser.chromium import assert_accessible_in_both_themes, at
from tests.harness.node import eventually


class Device:
    """An MQTT client that is there until it is put out, and what it has heard."""

    def __init__(self, node: Any, name: str) -> None:
        self.heard: list[str] = []
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, name, reconnect_on_failure=False
        )
        self.client.on_message = lambda _client, _data, message: self.heard.append(message.topic)
        self.client.connect(*node.tcp)
        self.client.loop_start()
        eventually(self.client.is_connected, f"{name} connects")


@pytest.fixture
def connect(node) -> Iterator[Any]:
    devices: list[Device] = []

    def make(name: str) -> Device:
        devices.append(Device(node, name))
        return devices[-1]

    yield make
    for device in devices:
        device.client.disconnect()
        device.client.loop_stop()


def test_one_client_is_subscribed_for_watched_and_kicked(page, node, connect):
    device = connect("press/07")
    page.goto(at(node, "/clients"))
    page.click("a:has-text('press/07')")
    page.fill("#subscribe-topic", "site/+/value")
    page.select_option("#subscribe-qos", "1")
    page.click("form:has(#subscribe-topic) button[type=submit]")
    page.wait_for_selector("#client-subscriptions >> text=site/+/value")
    node.api("POST", "/api/v4/mqtt/publish", {"topic": "site/1/value", "payload": "1"})
    eventually(lambda: device.heard == ["site/1/value"], "the message arrives")
    page.wait_for_selector("#client-now >> text=Subscribed")
    assert_accessible_in_both_themes(page)
    page.click("#client-subscriptions >> text=Unsubscribe")
    page.click("dialog button[value=yes]")
    page.wait_for_selector("text=It is subscribed to nothing.")
    page.click("summary[aria-label='Actions for press/07']")
    page.click("text=Kick out")
    page.click("dialog button[value=yes]")
    eventually(lambda: not device.client.is_connected(), "the client is out")
    page.wait_for_selector("text=This client is gone")
    page.wait_for_selector("#client-now >> text=kicked out")


def test_subscriptions_and_routes_are_found(page, node, connect):
    connect("reader").client.subscribe("found/+/here")
    connect("other").client.subscribe("elsewhere")
    eventually(
        lambda: node.data("subscriptions/reader") and node.data("subscriptions/other"),
        "both are subscribed",
    )
    page.goto(at(node, "/subscriptions"))
    page.wait_for_selector("text=elsewhere")
    page.fill("#subscriptions-table-match", "found/#")
    page.wait_for_selector("text=elsewhere", state="detached")
    page.wait_for_selector("text=found/+/here")
    assert_accessible_in_both_themes(page)
    page.goto(at(node, "/topics?topic=found/%2B/here"))
    page.click("text=Subscribers")
    page.wait_for_selector("a:has-text('reader')")


def test_a_retained_message_is_found_in_the_tree_looked_at_and_deleted(page, node):
    message = {"topic": "plant/line/config", "payload": '{"bar":4}', "retain": True}
    node.api("POST", "/api/v4/mqtt/publish", message)
    page.goto(at(node, "/retained"))
    page.click("summary:has-text('plant')")
    page.click("summary:has-text('line')")
    page.click(".tree-topic:has-text('config')")
    page.wait_for_selector("pre:has-text('\"bar\": 4')")
    page.click("#retained-message >> text=Bytes")
    page.wait_for_selector("pre:has-text('7b 22 62')")
    assert_accessible_in_both_themes(page)
    page.fill("#retained-search", "plant/#")
    page.wait_for_selector(".tree-topic:has-text('plant/line/config')")
    page.click("#retained-message >> text=Delete")
    page.click("dialog button[value=yes]")
    page.wait_for_selector("text=The message of plant/line/config is deleted.")


def test_a_delayed_message_is_cancelled(page, node):
    node.api("PUT", "/api/v4/modules/emqx_mod_delayed/load")
    node.api("POST", "/api/v4/mqtt/publish", {"topic": "$delayed/600/later", "payload": "soon"})
    page.goto(at(node, "/delayed"))
    page.click("#delayed-table a:has-text('later')")
    page.wait_for_selector("pre:has-text('soon')")
    assert_accessible_in_both_themes(page)
    page.click("text=Cancel the message")
    page.click("dialog button[value=yes]")
    page.wait_for_selector("text=The message is cancelled.")
    page.wait_for_selector("#delayed-table a:has-text('later')", state="detached")


def test_a_topic_is_counted_after_one_button_and_drawn(page, node):
    page.goto(at(node, "/topic_metrics"))
    page.click("text=Switch it on")
    page.fill("#metrics-topic", "counted/topic")
    page.click("text=Count it")
    page.wait_for_selector("#topic-metrics >> text=counted/topic")
    node.api("POST", "/api/v4/mqtt/publish", {"topic": "counted/topic", "payload": "1"})
    page.wait_for_selector(".chart canvas")
    row = page.locator("#topic-metrics tbody tr td").nth(1)
    eventually(lambda: row.inner_text().startswith("1"), "the message is counted", deadline_s=20)
    assert_accessible_in_both_themes(page)


def test_a_trace_is_followed(page, node, connect):
    page.goto(at(node, "/traces"))
    page.click("text=Switch it on")
    page.fill("#trace-filter", "traced")
    page.fill("#trace-name", "mine")
    page.click("text=Trace it")
    page.click("a:has-text('mine')")
    connect("traced")
    page.wait_for_selector("pre.log:has-text('traced')")
    assert_accessible_in_both_themes(page)
    page.click("text=Stop")
    page.wait_for_selector("#trace-lines >> text=stopped")


def test_slow_subscriptions_begin_with_one_button(page, node):
    page.goto(at(node, "/slow_subscriptions"))
    page.click("text=Switch it on")
    page.wait_for_selector("text=Nobody is slow.")
    assert_accessible_in_both_themes(page)


def test_alarms_stand_above_their_history(page, node):
    # Whether there are any depends on how busy the machine is.
    page.goto(at(node, "/alarms"))
    page.wait_for_selector("#alarms-active")
    page.wait_for_selector("h2:has-text('History')")
    assert_accessible_in_both_themes(page)


def test_a_listener_is_stopped_and_started(page, node):
    page.goto(at(node, "/listeners"))
    actions = "summary[aria-label='Actions for mqtt:ws:external']"
    page.click(actions)
    page.click(".dropdown-menu:visible >> text=Stop")
    page.click("dialog button[value=yes]")
    page.wait_for_selector("tr:has-text('mqtt:ws:external') >> text=stopped")
    assert_accessible_in_both_themes(page)
    page.click(actions)
    page.click(".dropdown-menu:visible >> text=Start")
    page.wait_for_selector("tr:has-text('mqtt:ws:external') >> text=listening")


def test_the_log_is_searched(page, node):
    page.goto(at(node, "/logs"))
    page.wait_for_selector("text=Listening for mqtt:tcp:external")
    page.fill("#log-search", "mqtt:ws")
    page.wait_for_selector("text=Listening for mqtt:tcp:external", state="detached")
    assert_accessible_in_both_themes(page)


def test_the_bundle_of_diagnostics_is_a_zip_file_of_everything(page, node):
    page.goto(at(node, "/diagnostics"))
    page.wait_for_selector("text=Garbage collector")
    assert_accessible_in_both_themes(page)
    with page.expect_download() as download:
        page.click("text=Support bundle")
    packed = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert {"settings.json", "metrics.json", "log.txt"} <= set(packed.namelist())
