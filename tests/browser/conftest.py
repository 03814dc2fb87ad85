"""One node for the suite and one browser a module; every test gets a window of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.harness.node import NodeProcess, make_node, node

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["make_node", "node"]


# Not for the whole session: while it is there an event loop runs in this thread, and other suites start their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; skipped with a sentence where it is missing."""
    chromium.require()
    with chromium.launched() as started:
        yield started


@pytest.fixture
def window(browser: Browser, node: NodeProcess) -> Iterator[Page]:
    """A page that nobody has logged in at; what the browser complains about fails the test."""
    context = chromium.opened(browser, node, locale="en-US")
    page = context.new_page()
    complaints = chromium.complaints_of(page)
    yield page
    context.close()
    assert not complaints, complaints


@pytest.fixture
def page(window: Page, node: NodeProcess) -> Page:
    """The first page, logged in as the administrator."""
    chromium.log_in(window, node)
    return window
