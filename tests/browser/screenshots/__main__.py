"""Photographs of every page: at 1440 and at 390 pixels, light and dark, in English and in Chinese.

    python -m tests.browser.screenshots [--language en|zh] [NAME …]

A node of its own is started, with clients that have something to say.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from app.dashboard.pages import all_pages
from tests.browser import chromium
from tests.browser.screenshots import fleet, scene
from tests.harness.node import ROOT, NodeProcess, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = ROOT / "docs" / "screenshots"
PHONE = 390
WIDTHS = {1440: 1000, PHONE: 844}
THEMES = ("light", "dark")
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
SHOWN = {
    "client": f"/clients/client?clientid={fleet.SLOW}",
    "setting": "/settings/setting?key=mqtt.max_packet_size",
    "rule": "/rules/rule?id=too-warm",
    "rule_edit": "/rules/edit?id=too-warm",
    "resource_edit": "/resources/edit?id=facility",
    "plugin_settings": "/plugins/settings?name=emqx_auth_http",
    "module_settings": "/modules/settings?name=emqx_mod_slow_subs",
    "application": "/applications/application?id=grafana",
    "user": "/users/user?name=grace",
    "data-compare": "/data/compare?filename=from-plant-b.json",
    "dead_letter": "/dead_letters/letter?number=1",
    "explain": "/explain?clientid=press-07&action=publish&topic=site/press-07/set",
}
"""Pages of one thing, with the one that is photographed."""
BESIDE = {
    "login": "/login",
    "trace": "/traces/follow?name=press",
    "topic-chart": "/topic_metrics?topic=site/thermostat-hall/value",
    "retained-message": "/retained/message?topic=site/press-07/value",
    "empty-list": "/clients?clientid=nobody-has-this-name",
    "no-such-page": "/nowhere",
}
"""What is photographed besides the pages of the table."""


def _chat(page: Page) -> None:
    """Connect the WebSocket client, and have it hear itself."""
    panel = page.locator("[role=tabpanel]:visible")
    panel.locator("[data-part=toggle]").click()
    page.wait_for_selector(".mqtt-tab[data-state=connected]")
    for part, topic in (("subscribe", "site/+/value"), ("publish", "site/display-lobby/value")):
        form = panel.locator(f"[data-part={part}]")
        form.locator("[name=topic]").fill(topic)
        form.locator("[type=submit]").click()
        panel.locator(".mqtt-subscriptions li").wait_for()
    page.wait_for_timeout(600)


def _look_into(page: Page) -> None:
    """Open a branch of the retained topics, and look at a message in it."""
    # Not $SYS, which comes first once the node has said something of itself.
    page.locator(".tree-branch > summary", has_text="site").click()
    page.locator(".tree-below .tree-branch > summary").first.click()
    page.locator(".tree-below .tree-topic").first.click()
    page.locator("#message-title").wait_for()
    page.wait_for_load_state("networkidle")


POSES: dict[str, Callable[[Page], None]] = {"websocket": _chat, "retained": _look_into}
"""What is done in a page before it is photographed."""


def pages_by_name() -> dict[str, str]:
    """Return the address of every picture by its name."""
    return {**BESIDE, **{page.name: SHOWN.get(page.name, page.path) for page in all_pages()}}


def photograph(
    browser: Browser, node: NodeProcess, wanted: dict[str, str], languages: Sequence[str]
) -> None:
    """Take the pictures."""
    for language in languages:
        for width, height in WIDTHS.items():
            for theme in THEMES:
                context = chromium.opened(
                    browser,
                    node,
                    viewport={"width": width, "height": height},
                    color_scheme=theme,
                    locale=LANGUAGES[language],
                )
                _round(context.new_page(), node, wanted, f"{width}-{theme}-{language}")
                context.close()


def _round(page: Page, node: NodeProcess, wanted: dict[str, str], ending: str) -> None:
    is_outside, is_phone = True, ending.startswith(str(PHONE))
    for name, path in wanted.items():
        if name != "login" and is_outside:
            chromium.log_in(page, node, scene.OPERATOR, scene.PASSWORD)
            is_outside = False
        page.goto(chromium.at(node, path))
        page.wait_for_load_state("networkidle")
        if name in POSES:
            POSES[name](page)
        # The header stays at the top of what is seen, which must be the top of the picture.
        page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        # A phone's page is scrolled; of a screen it is what fits that somebody sees.
        page.screenshot(path=FOLDER / f"{name}-{ending}.png", full_page=is_phone)


def main() -> None:
    """Photograph what the command line names."""
    parser = argparse.ArgumentParser(prog="make screenshots")
    everything = pages_by_name()
    parser.add_argument("names", nargs="*", metavar="NAME", help="of pages; all without any")
    parser.add_argument("--language", choices=LANGUAGES, help="both without one")
    asked = parser.parse_args()
    wanted = {n: path for n, path in everything.items() if not asked.names or n in asked.names}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        node = stack.enter_context(NodeProcess(folder, **scene.settings()))
        stack.enter_context(fleet.fleet(node))
        scene.remember(node)
        stack.enter_context(scene.shops(node))
        scene.set_going(node)
        scene.back_up(node)
        eventually(lambda: node.data("rule_dead_letters"), "a result is given up", 30)
        browser = stack.enter_context(chromium.launched())
        photograph(browser, node, wanted, [asked.language] if asked.language else list(LANGUAGES))


if __name__ == "__main__":
    main()
