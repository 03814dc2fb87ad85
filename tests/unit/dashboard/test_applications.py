"""Applications as an administrator keeps them."""

from __future__ import annotations

import re

import pytest

HTMX = {"HX-Request": "true"}
NEW = {"app_id": "meter-1", "name": "Meters", "permission": "read_only", "expires": "2030-01-31"}


@pytest.fixture
def keeping(browser):
    browser.log_in("administrator")
    browser.get("/applications")
    return browser


def secret_in(page: str) -> str:
    found = re.search(r'class="secret">([^<]+)<', page)
    assert found, page
    return found[1]


def test_the_secret_is_made_up_and_shown_once(keeping):
    answer = keeping.post("/applications/add", NEW)
    secret = secret_in(answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert keeping.services.apps.get("meter-1").secret == secret
    assert secret not in keeping.get("/applications").text
    assert secret not in keeping.get("/applications/application?id=meter-1").text


def test_our_script_gets_the_secret_alone(keeping):
    headers = HTMX | {"HX-Target": "new-app"}
    part = keeping.post("/applications/add", NEW, headers=headers).text
    assert "<html" not in part
    assert secret_in(part)


def test_permission_and_expiry_are_kept(keeping):
    keeping.post("/applications/add", NEW)
    record = keeping.services.apps.get("meter-1")
    assert (record.permission, record.expired) == ("read_only", 1_896_134_399)
    page = keeping.get("/applications/application?id=meter-1").text
    assert 'value="2030-01-31"' in page


def test_an_application_is_changed_switched_off_and_deleted(keeping):
    keeping.post("/applications/add", NEW)
    changed = NEW | {"name": "Others", "status": "false", "permission": "full", "expires": ""}
    keeping.post("/applications/change", changed)
    record = keeping.services.apps.get("meter-1")
    assert (record.name, record.status, record.permission, record.expired) == (
        "Others",
        False,
        "full",
        None,
    )
    answer = keeping.post("/applications/delete", {"app_id": "meter-1"}, headers=HTMX)
    assert "applications-table" in answer.headers["HX-Trigger"]
    assert keeping.services.apps.get("meter-1") is None


def test_a_new_secret_replaces_the_old_one_and_nothing_else(keeping):
    old = secret_in(keeping.post("/applications/add", NEW).text)
    new = secret_in(keeping.post("/applications/renew", {"app_id": "meter-1"}).text)
    record = keeping.services.apps.get("meter-1")
    assert record.secret == new != old
    assert (record.name, record.permission) == ("Meters", "read_only")


@pytest.mark.parametrize(
    ("wrong", "said"), [({"expires": "soon"}, "cannot be read"), ({"app_id": "é"}, "required")]
)
def test_what_cannot_be_is_refused_in_words(keeping, wrong, said):
    answer = keeping.post("/applications/add", NEW | wrong)
    assert answer.status_code == 400
    assert said in answer.text
