"""Who has no mouse gets everywhere, sees where he is, and gets out again; who looks sees his own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import at, log_in, opened
from tests.harness.node import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const style = getComputedStyle(one.closest(".cm-focused") ?? one);
  const isMarked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  return {name: `${one.tagName} ${one.id} ${one.className} ${one.textContent.trim().slice(0, 30)}`,
    isMarked, isSeen: box.width > 0 && box.height > 0, isEnd: one === document.body};
}"""
MOST_STOPS = 120


def confirming(page: Page) -> None:
    """Open a question by keyboard: whether a browser is to be logged out."""
    page.goto(page.url.partition("/dashboard")[0] + "/dashboard/alarms")
    page.focus("form[action$='/alarms/clear'] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog.confirm[open]")


@pytest.mark.parametrize("path", ["/", "/clients", "/settings", "/rules/edit", "/websocket"])
def test_every_stop_of_the_tab_key_is_seen_and_marked(page, node, path):
    page.goto(at(node, path))
    page.wait_for_load_state("networkidle")
    for _stop in range(MOST_STOPS):
        page.keyboard.press("Tab")
        here = page.evaluate(HERE)
        if here["isEnd"]:
            break
        assert here["isSeen"], here
        # The editor of statements marks itself a moment later.
        eventually(lambda: page.evaluate(HERE)["isMarked"], f"the mark of {here['name']}")


def test_a_question_keeps_the_keyboard_until_it_is_answered_or_escaped(page):
    confirming(page)
    for _stop in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.closest('form').action").endswith("/alarms/clear")


def test_escape_closes_a_menu_and_leaves_the_keyboard_at_its_button(page):
    menu = "header details.dropdown-details"
    page.locator(f"{menu} summary").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{menu}[open]")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.wait_for_selector(f"{menu}[open]", state="detached")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize(("zone", "shown"), [("Asia/Shanghai", "16:00:00"), ("UTC", "8:00:00")])
def test_moments_are_shown_by_the_viewer_s_clock(browser, node, zone, shown):
    context = opened(browser, node, locale="zh-CN", timezone_id=zone)
    page = context.new_page()
    log_in(page, node)
    page.goto(at(node, "/account"))
    time = page.locator("time[data-relative]").first
    time.evaluate(
        "one => { one.dateTime = '2026-01-05T08:00:00+00:00'; one.closest('div').dispatchEvent("
        "new CustomEvent('htmx:load', {bubbles: true})); }"
    )
    assert shown in str(time.get_attribute("title"))
    context.close()
