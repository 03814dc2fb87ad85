"""Who is asked about logins, and the users that the node keeps itself."""

from __future__ import annotations

import pytest

HTMX = {"HX-Request": "true"}


@pytest.fixture
def keeping(browser):
    browser.log_in("operator")
    browser.get("/authentication")
    return browser


def test_the_plugins_are_shown_and_what_comes_after_them(keeping):
    page = keeping.get("/authentication").text
    assert "emqx_auth_mnesia" in page
    assert "emqx_auth_ldap" in page
    assert "allow_anonymous = loopback" in page


@pytest.mark.parametrize("kind", ["clientid", "username"])
def test_a_login_is_added_found_changed_and_deleted(keeping, kind):
    form = {"kind": kind, "login": "sensor <1>", "password": "secret-1", "is_superuser": "true"}
    assert keeping.post("/authentication/add", form).status_code == 303
    page = keeping.get(f"/authentication/{kind}?like=sensor").text
    assert "sensor &lt;1&gt;" in page
    assert "superuser</span>" in page
    assert (
        "sensor" not in keeping.get(f"/authentication/{kind}?like=other").text.split("<tbody>")[0]
    )
    changed = {"kind": kind, "login": "sensor <1>", "password": "secret-2"}
    keeping.post("/authentication/change", changed)
    assert keeping.services.credentials.get(kind, "sensor <1>").is_superuser is False
    answer = keeping.post("/authentication/delete", {**changed}, headers=HTMX)
    assert "logins-table" in answer.headers["HX-Trigger"]
    assert keeping.services.credentials.get(kind, "sensor <1>") is None


def test_a_login_that_exists_is_refused_in_words(keeping):
    form = {"kind": "clientid", "login": "c1", "password": "secret-1"}
    keeping.post("/authentication/add", form)
    answer = keeping.post("/authentication/add", form)
    assert "The name is taken" in answer.text


def test_many_logins_come_by_the_page(keeping):
    items = [{"username": f"u{number:03}", "password": "secret-1"} for number in range(45)]
    keeping.services.credentials.create_many("username", items)
    assert "1 to 20 of 45" in keeping.get("/authentication/username").text
    assert "41 to 45 of 45" in keeping.get("/authentication/username?page=3").text


def test_scram_users_are_added_changed_and_deleted(keeping):
    user = {"mechanism": "SCRAM-SHA-256", "username": "meter", "password": "secret-1"}
    assert keeping.post("/authentication/scram/add", user).status_code == 303
    page = keeping.get("/authentication/scram?mechanism=SCRAM-SHA-256").text
    assert "meter" in page
    assert (
        keeping.post("/authentication/scram/change", user | {"password": "secret-2"}).status_code
        == 303
    )
    assert keeping.post("/authentication/scram/delete", user).status_code == 303
    assert keeping.services.sasl.usernames("SCRAM-SHA-256") == {"SCRAM-SHA-256": []}


def test_who_may_only_look_sees_names_but_no_forms(browser):
    browser.services.credentials.create("clientid", {"clientid": "c1", "password": "secret-1"})
    browser.log_in("viewer")
    page = browser.get("/authentication/clientid").text
    assert ">c1<" in page
    assert "/authentication/delete" not in page
    assert "/authentication/add" not in page
