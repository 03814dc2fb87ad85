"""The MQTT client in the browser, against the node's own WebSocket listener."""

from __future__ import annotations

import pytest

from tests.browser.chromium import assert_accessible, at

CONNECTED = "[role=tabpanel]:visible [data-part=state]:has-text('connected'):not(:has-text('dis'))"


@pytest.fixture
def client(page, node):
    page.goto(at(node, "/websocket"))
    page.wait_for_selector("[role=tab]")
    return page


def shown(page, part):
    return page.locator(f"[role=tabpanel]:visible [data-part={part}]")


def test_it_hears_what_it_says(client):
    shown(client, "toggle").click()
    client.wait_for_selector(CONNECTED)
    subscribe, publish = shown(client, "subscribe"), shown(client, "publish")
    subscribe.locator("[name=topic]").fill("browser/#")
    subscribe.locator("[type=submit]").click()
    subscribe.get_by_text("Unsubscribe").wait_for()
    publish.locator("[name=topic]").fill("browser/1")
    publish.locator("[name=qos]").select_option("1")
    publish.locator("summary").click()
    publish.locator("[name=contentType]").fill("application/json")
    publish.locator("[name=userProperties]").fill("color: blue")
    publish.locator("[type=submit]").click()
    received = shown(client, "messages").locator(".mqtt-received")
    received.get_by_text("color: blue").wait_for()
    assert '"msg": "hello"' in received.inner_text()
    assert "contentType: application/json" in received.inner_text()
    for theme in ("light", "dark"):
        client.emulate_media(color_scheme=theme, reduced_motion="reduce")
        client.wait_for_selector(f"html[data-bs-theme={theme}]")
        assert_accessible(client)
    shown(client, "direction").select_option("sent")
    received.wait_for(state="detached")
    client.locator("[role=tabpanel]:visible [data-do=clear]").click()
    assert shown(client, "count").inner_text() == "0"
    shown(client, "toggle").click()
    client.wait_for_selector("[role=tabpanel]:visible [data-part=state]:has-text('disconnected')")


@pytest.mark.parametrize("version", ["4", "3"])
def test_it_speaks_the_older_versions(client, version):
    shown(client, "connect").locator("[name=version]").select_option(version)
    assert not shown(client, "publish").locator("summary").is_visible()
    shown(client, "toggle").click()
    client.wait_for_selector(CONNECTED)


def test_connections_are_kept_in_the_browser_but_no_password(client):
    connect = shown(client, "connect")
    connect.locator("[name=clientid]").fill("mine")
    connect.locator("[name=password]").fill("do-not-keep-me")
    client.click("[data-do=add]")
    assert client.locator("[role=tab]").count() == 2
    assert "do-not-keep-me" not in client.evaluate("JSON.stringify(localStorage)")
    client.reload()
    client.wait_for_selector("[role=tab]:has-text('mine')")
    assert client.locator("[role=tab]").count() == 2
    assert shown(client, "connect").locator("[name=password]").input_value() == ""


def test_nobody_at_the_other_end_is_said(client):
    shown(client, "connect").locator("[name=port]").fill("9")
    shown(client, "toggle").click()
    shown(client, "complaint").wait_for(state="visible")
    assert shown(client, "toggle").inner_text() == "Connect"
