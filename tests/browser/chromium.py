"""Debian's Chromium under Playwright, logged in at a node; and axe-core, which looks for what shuts people out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from tests.harness.node import ROOT, NodeProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

PROGRAM: Final = Path("/usr/bin/chromium")
AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
MANIFEST: Final = ROOT / "app" / "dashboard" / "static" / "dist" / "manifest.json"
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
ANSWER_LIMIT_MS: Final = 20_000
SERIOUS: Final = ("serious", "critical")
THEMES: Final = (("light", ()), ("dark", ("color-contrast", "link-in-text-block")))
"""Both themes, each with the rules of axe-core to go by; none means all, and in the second one only colours differ."""


def unavailable(reason: str) -> NoReturn:
    """Skip with a sentence; on the machine that must have everything it is a failure."""
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(reason)
    pytest.skip(reason)


def require() -> None:
    """See that there is something to test with."""
    if not PROGRAM.exists():
        unavailable("install Debian's package chromium")
    if not MANIFEST.exists():
        unavailable("run `make assets`, which bundles the dashboard's scripts and styles")
    if shutil.which("node") is None and not AXE.exists():
        unavailable("run `make assets`, which fetches axe-core")


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a browser without a screen, and end it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(PROGRAM), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def at(node: NodeProcess, path: str = "") -> str:
    """Return the address of a path of a node's dashboard."""
    return f"http://127.0.0.1:{node.ports['dashboard']}/dashboard{path}"


def opened(browser: Browser, node: NodeProcess, **options: Any) -> BrowserContext:
    """Return a window of its own at a node; addresses without a host mean the node's."""
    context = browser.new_context(base_url=at(node), **options)
    context.set_default_timeout(ANSWER_LIMIT_MS)
    return context


def complaints_of(page: Page) -> list[str]:
    """Return a list that fills with what goes wrong in a page: errors of scripts, and what its policy refuses."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))

    def note(said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            found.append(f"{page.url}: {said.text}")

    page.on("console", note)
    return found


def log_in(
    page: Page, node: NodeProcess, username: str = "admin", password: str = "public"
) -> None:
    """Log in by the form, and wait for the first page."""
    page.goto(at(node, "/login"))
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("button.btn-primary")
    page.wait_for_selector("#content")


def assert_accessible_in_both_themes(page: Page) -> None:
    """Assert that axe-core finds nothing serious in the light theme, nor in the dark one, where only colours differ."""
    for theme, rules in THEMES:
        # Colours that are on their way from one theme to the other are nobody's contrast.
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_selector(f"html[data-bs-theme={theme}]")
        assert_accessible(page, *rules)


def assert_accessible(page: Page, *rules: str) -> None:
    """Assert that axe-core finds nothing serious on a page as it stands, by these of its rules or by all of them."""
    if not page.evaluate("'axe' in window"):
        # Not by a script element, which the page's policy would refuse.
        page.evaluate(AXE.read_text("utf-8"))
    chosen = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    asked = {"resultTypes": ["violations"], **chosen}
    found = page.evaluate("asked => axe.run(document, asked)", asked)
    told = [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"][:4]
    ]
    assert not told, f"{page.url}:\n" + "\n".join(told)
