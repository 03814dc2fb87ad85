"""The frame of every page, and the pages of the first hour: overview, clients, your account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest

from app.dashboard.pages import all_pages
from tests.browser.chromium import (
    assert_accessible,
    assert_accessible_in_both_themes,
    at,
    complaints_of,
    log_in,
    opened,
)
from tests.harness.node import eventually

DESK = {"width": 1280, "height": 720}
PHONE = {"width": 390, "height": 844}
EVERY_PAGE = pytest.mark.parametrize("path", [one.path for one in all_pages()])


class Device:
    """An MQTT client that is there until it is put out."""

    def __init__(self, node: Any, name: str) -> None:
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, name, reconnect_on_failure=False
        )
        self.client.connect(*node.tcp)
        self.client.loop_start()
        eventually(self.client.is_connected, f"{name} connects")


def answer_to(node: Any, name: str) -> str:
    """Return what a client that comes in is told."""
    answers: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
    client.on_connect = lambda _client, _data, _flags, code, _more: answers.append(str(code))
    client.connect(*node.tcp)
    eventually(lambda: client.loop(0.05) * 0 or answers, "an answer")
    client.disconnect()
    return answers[0]


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


@pytest.fixture(scope="module")
def reader(browser, node) -> Iterator[Any]:
    """Somebody who goes through all pages, while a client is there that fills its place."""
    device = Device(node, "a-client-with-a-rather-long-name-that-says-where-it-stands")
    context = opened(browser, node, locale="en-US")
    page = context.new_page()
    complaints = complaints_of(page)
    log_in(page, node)
    yield page
    context.close()
    device.client.disconnect()
    device.client.loop_stop()
    assert not complaints, complaints


@EVERY_PAGE
def test_no_page_shuts_anybody_out(reader, node, path):
    reader.set_viewport_size(DESK)
    reader.goto(at(node, path))
    reader.wait_for_load_state("networkidle")
    assert_accessible_in_both_themes(reader)


@EVERY_PAGE
def test_no_page_is_wider_than_a_phone(reader, node, path):
    reader.set_viewport_size(PHONE)
    reader.goto(at(node, path))
    reader.wait_for_load_state("networkidle")
    assert reader.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_no_name_is_too_long_for_a_phone(page, node, connect):
    name = "a" + "b" * 299
    connect(name)
    rule = {"id": name[:120], "rawsql": f'SELECT * FROM "{name}"', "actions": []}
    unreachable = {"url": "http://127.0.0.1:9/"}
    resource = {"id": name[:120], "type": "web_hook", "config": unreachable}
    ban = {"who": f"not-{name}", "as": "clientid", "reason": name}
    for what, made in {"rules": rule, "resources": resource, "banned": ban}.items():
        assert node.api("POST", f"/api/v4/{what}", made).status == 200
    page.set_viewport_size(PHONE)
    paths = ("/clients/client?clientid=", "/explain?action=connect&clientid=")
    shown = [path + name for path in paths]
    shown += [path + name[:120] for path in ("/rules/rule?id=", "/resources/edit?id=")]
    lists = ["/", "/alarms", "/bans", "/clients", "/resources", "/rules", "/subscriptions"]
    for path in lists + shown:
        page.goto(at(node, path))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    for what in ("rules", "resources"):
        node.api("DELETE", f"/api/v4/{what}/{name[:120]}")
    node.api("DELETE", f"/api/v4/banned/clientid/not-{name}")


def test_the_login_is_accessible_and_refuses_in_words(window, node):
    window.goto(at(node, "/login"))
    assert_accessible(window)
    window.fill("#username", "admin")
    window.fill("#password", "wrong")
    window.click("button.btn-primary")
    assert "wrong" in window.inner_text("[role=alert]")


def test_the_root_of_the_port_is_the_dashboard(window, node):
    window.goto(f"http://127.0.0.1:{node.ports['dashboard']}/")
    assert window.url.endswith("/dashboard/login?next=%2Fdashboard%2F")


def test_the_language_changes_at_once_and_everywhere(page, node):
    page.click("button[name=language][value=zh]")
    page.wait_for_selector("html[lang=zh-CN]")
    assert page.inner_text("h1") == "概览"
    page.goto(at(node, "/clients"))
    assert page.inner_text("h1") == "客户端"
    page.wait_for_selector("label:has-text('用户名')")
    assert_accessible(page)
    page.click("button[name=language][value=en]")
    page.wait_for_selector("html[lang=en]")


def test_the_theme_follows_the_system_until_one_is_chosen(page):
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-bs-theme=dark]")
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-bs-theme=light]")
    page.click("[data-theme-switch] button")
    page.click("[data-theme-switch] button")
    page.wait_for_selector("html[data-theme=dark][data-bs-theme=dark]")
    page.reload()
    assert page.get_attribute("html", "data-bs-theme") == "dark"


def test_the_overview_counts_by_itself_and_draws_its_charts(page, connect):
    page.wait_for_selector(".chart canvas, .chart-empty")
    # Not by a script in the page, which its policy would refuse.
    first = page.locator("#now .number-value").first
    before = int(first.inner_text())
    connect("counted")
    eventually(lambda: int(first.inner_text()) > before, "the overview counts", deadline_s=20)
    page.click("text=24 hours")
    page.wait_for_url("**span=24h")


def test_all_charts_of_a_page_ask_once(page):
    asked = []
    page.on("request", lambda one: asked.append(one.url) if "series" in one.url else None)
    page.reload()
    page.locator(".chart > .uplot, .chart > .chart-empty").nth(5).wait_for()
    assert len(asked) == 1, asked


def test_a_client_is_found_and_kicked_after_a_question(page, node, connect):
    device, _other = connect("press-07"), connect("lamp-01")
    page.goto(at(node, "/clients"))
    page.wait_for_selector("text=lamp-01")
    page.fill("#clients-table-clientid", "press")
    page.wait_for_selector("text=lamp-01", state="detached")
    assert "clientid=press" in page.url
    page.click("summary[aria-label='Actions for press-07']")
    page.click("text=Kick out")
    page.click("dialog button[value=no]")
    assert device.client.is_connected()
    page.click("summary[aria-label='Actions for press-07']")
    page.click("text=Kick out")
    assert_accessible(page)
    page.click("dialog button[value=yes]")
    page.wait_for_selector(".godwit-toast >> text=press-07 was kicked out.")
    eventually(lambda: not device.client.is_connected(), "the client is out")


def test_a_banned_client_is_refused(page, node, connect):
    device = connect("flooder")
    page.goto(at(node, "/clients?clientid=flooder"))
    page.click("summary[aria-label='Actions for flooder']")
    page.click("text=Ban for an hour")
    page.click("dialog button[value=yes]")
    page.wait_for_selector(".godwit-toast >> text=flooder is banned")
    eventually(lambda: not device.client.is_connected(), "the client is out")
    assert answer_to(node, "flooder") == "Banned"
    node.api("DELETE", "/api/v4/banned/clientid/flooder")
    assert answer_to(node, "flooder") == "Success"


def test_the_menu_of_a_phone_opens_and_leads_on(page, node):
    page.set_viewport_size(PHONE)
    assert not page.is_visible("#menu")
    page.click("[data-menu]")
    page.click("#menu >> text=Clients")
    page.wait_for_url("**/clients")


def test_everything_can_be_reached_by_keyboard(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"


def test_pages_are_usable_without_any_script(browser, node, connect):
    device = connect("plain")
    context = browser.new_context(java_script_enabled=False, locale="en-US")
    plain = context.new_page()
    log_in(plain, node)
    plain.goto(at(node, "/clients?clientid=plain"))
    plain.click("summary[aria-label='Actions for plain']")
    plain.click("text=Kick out")
    plain.wait_for_selector("text=plain was kicked out.")
    eventually(lambda: not device.client.is_connected(), "the client is out")
    context.close()


def test_one_browser_logs_another_out(page, node, browser):
    context = browser.new_context(locale="en-US", user_agent="Mozilla/5.0 (iPhone) Safari/1")
    other = context.new_page()
    log_in(other, node)
    page.goto(at(node, "/account"))
    row = page.locator("li", has_text="Safari · iOS")
    row.get_by_text("Log out").click()
    page.wait_for_selector(".godwit-toast >> text=The browser is logged out.")
    other.goto(at(node, "/clients"))
    assert "/login" in other.url
    context.close()
