"""Settings: searching, changing hot ones, taking changes back."""

from __future__ import annotations

import pytest

HTMX = {"HX-Request": "true"}
HOT = "allow_anonymous"


@pytest.fixture
def keeping(browser):
    browser.log_in("operator")
    browser.get("/settings")
    return browser


def test_every_setting_is_there_and_search_finds_its_words(keeping):
    every = len(keeping.services.configs.list())
    assert f"1 to 20 of {every}" in keeping.get("/settings").text
    page = keeping.get(f"/settings?search={HOT}").text
    assert f">{HOT}</a>" in page


def test_a_hot_setting_is_changed_and_taken_back(keeping):
    assert keeping.services.configs.get(HOT).value == "loopback"
    keeping.post("/settings/change", {"key": HOT, "value": "false"})
    assert keeping.services.configs.get(HOT).value == "false"
    assert f">{HOT}</a>" in keeping.get("/settings?source=override").text
    assert "/settings/reset" in keeping.get(f"/settings/setting?key={HOT}").text
    keeping.post("/settings/reset", {"key": HOT})
    assert keeping.services.configs.get(HOT).value == "loopback"


def test_a_value_that_cannot_be_is_refused_in_words(keeping):
    answer = keeping.post("/settings/change", {"key": HOT, "value": "perhaps"}, headers=HTMX)
    assert answer.status_code == 400
    assert HOT in answer.headers["HX-Trigger"]
    assert keeping.services.configs.get(HOT).value == "loopback"


def test_what_needs_a_restart_has_no_form(keeping):
    cold = next(one.key for one in keeping.services.configs.list() if not one.hot)
    page = keeping.get(f"/settings/setting?key={cold}").text
    assert "after a restart" in page
    assert 'action="/dashboard/settings/change"' not in page


def test_who_may_only_look_sees_no_form(browser):
    browser.log_in("viewer")
    assert "/settings/change" not in browser.get(f"/settings/setting?key={HOT}").text


def test_a_setting_that_there_is_not_is_said_so(keeping):
    assert keeping.get("/settings/setting?key=nothing").status_code == 400
