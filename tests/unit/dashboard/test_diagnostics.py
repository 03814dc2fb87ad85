"""Diagnostics, and the bundle of them."""

from __future__ import annotations

from app.services.audit import AuditQuery


def test_everybody_sees_how_the_process_fares(browser):
    browser.log_in("viewer")
    page = browser.get("/diagnostics").text
    for told in ("compiled form", "has failed", "emqx_mod_presence", "MainThread", "1.2.3"):
        assert told in page
    assert "/diagnostics/bundle" not in page


def test_what_changes_is_fetched_alone(browser):
    browser.log_in("viewer")
    headers = {"HX-Request": "true", "HX-Target": "diagnostics-now"}
    part = browser.get("/diagnostics", headers=headers).text
    assert part.lstrip().startswith('<div id="diagnostics-now"')
    assert "1.2.3" not in part


def test_an_administrator_takes_the_bundle_and_that_is_written_down(browser):
    browser.log_in("administrator")
    browser.get("/diagnostics")
    answer = browser.post("/diagnostics/bundle")
    assert answer.mimetype == "application/zip"
    found, _total = browser.services.audit.list(AuditQuery(action="diagnostics.bundle"), 1, 10)
    assert len(found) == 1
