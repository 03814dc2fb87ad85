"""What `make assets` leaves, how it is served, and that it stays light."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from flask import Flask

from app.dashboard.assets import DIST, Assets

ROOT = Path(__file__).resolve().parents[3]
BUDGETS_BYTES = {"core.js": 70_000, "core.css": 90_000}


def test_without_assets_pages_say_how_to_make_them(browser, monkeypatch):
    monkeypatch.setattr(Assets, "names", lambda _self: {})
    browser.log_in("viewer")
    page = browser.get("/clients").text
    assert "make assets" in page
    assert "<script" not in page
    assert "<svg" not in page


def test_assets_that_were_made_meanwhile_are_used(tmp_path):
    assets = Assets(tmp_path)
    assert not assets
    (tmp_path / "manifest.json").write_text('{"core.js": "core-1.js", "icons.svg": "i.svg"}')
    with Flask("x").test_request_context("/dashboard/"):
        assert assets.url("core.js") == "/dashboard/static/core-1.js"
        assert assets.url("other.js") == ""
        assert 'href="/dashboard/static/i.svg#ban"' in assets.icon("ban")


def test_a_browser_may_keep_what_has_a_hash_in_its_name(tmp_path):
    (tmp_path / "core-1.js").write_text("1")
    with Flask("x").test_request_context("/dashboard/static/core-1.js"):
        answer = Assets(tmp_path).send("core-1.js")
        answer.close()
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", BUDGETS_BYTES)
def test_what_every_page_loads_stays_light(name):
    if not Assets():
        pytest.skip("run `make assets`, which bundles the dashboard's scripts and styles")
    body = (DIST / Assets().names()[name]).read_bytes()
    assert len(gzip.compress(body)) < BUDGETS_BYTES[name]


def test_packages_are_pinned_and_name_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert not [name for name, one in lock["packages"].items() if "resolved" in one]
    declared = json.loads((ROOT / "package.json").read_text("utf-8"))
    versions = {**declared["dependencies"], **declared["devDependencies"]}.values()
    assert all(version[0].isdigit() for version in versions)
