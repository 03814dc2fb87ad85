"""Coming in, staying in, going out."""

from __future__ import annotations

import pytest

from app.services.dashboard_logins import AGE_LIMIT_MS, IDLE_LIMIT_MS, RELOAD_AFTER_S
from tests.unit.dashboard.conftest import PASSWORD

ELSEWHERE = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}}


def is_in(browser) -> bool:
    return browser.get("/account").status_code == 200


def test_a_login_leads_where_one_wanted_to_go(browser):
    browser.get("/login?next=/dashboard/clients")
    answer = browser.post(
        "/login",
        {"username": "viewer", "password": PASSWORD, "next": "/dashboard/clients"},
    )
    assert answer.headers["Location"] == "/dashboard/clients"


@pytest.mark.parametrize(
    "target",
    ["https://example.net", "//example.net", "/dashboard//example.net", "/dashboardx", "\\x"],
)
def test_a_login_leads_to_no_other_site(browser, target):
    browser.get("/login")
    answer = browser.post("/login", {"username": "viewer", "password": PASSWORD, "next": target})
    assert answer.headers["Location"] == "/dashboard/"


def test_a_wrong_password_is_refused_in_one_sentence(browser):
    answer = browser.log_in("viewer", "wrong")
    assert answer.status_code == 401
    assert "Username or password is wrong." in answer.text
    assert not is_in(browser)


def test_an_address_that_failed_too_often_waits(browser):
    statuses = [browser.log_in("viewer", f"wrong-{turn}").status_code for turn in range(30)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert browser.log_in("viewer").status_code == 429


def test_the_shipped_password_lets_nobody_in_from_elsewhere_before_it_is_replaced(browser):
    browser.get("/login")
    answer = browser.log_in("admin", "public", **ELSEWHERE)
    assert "Choose a new password" in answer.text
    assert not is_in(browser)
    form = {
        "username": "admin",
        "password": "public",
        "new_password": "new-one-22",
        "repeated": "x",
    }
    assert browser.post("/login/password", form, **ELSEWHERE).status_code == 400
    form["repeated"] = "new-one-22"
    assert browser.post("/login/password", form, **ELSEWHERE).status_code == 303
    assert is_in(browser)
    other = browser.another()
    assert other.log_in("admin", "new-one-22", **ELSEWHERE).status_code == 303


def test_a_password_of_ones_own_is_not_changed_outside_the_door(browser):
    browser.get("/login")
    form = {
        "username": "viewer",
        "password": PASSWORD,
        "new_password": "new-one-22",
        "repeated": "new-one-22",
    }
    browser.post("/login/password", form, **ELSEWHERE)
    assert browser.log_in("viewer").status_code == 303


def test_logging_out_ends_the_login_itself(browser):
    browser.log_in("viewer")
    cookie = browser.client.get_cookie("godwit_session", path="/dashboard")
    browser.post("/logout")
    thief = browser.another()
    thief.client.set_cookie("godwit_session", cookie.value, path="/dashboard")
    assert not is_in(thief)


def test_a_login_ends_when_nobody_uses_it(browser):
    browser.log_in("viewer")
    browser.clock.advance(IDLE_LIMIT_MS / 1000 + 1)
    assert not is_in(browser)


def test_a_login_that_is_used_goes_on_until_it_is_too_old(browser):
    browser.log_in("viewer")
    for _turn in range(AGE_LIMIT_MS // IDLE_LIMIT_MS * 2 - 1):
        browser.clock.advance(IDLE_LIMIT_MS / 2000)
        assert is_in(browser)
    browser.clock.advance(IDLE_LIMIT_MS / 2000 + 1)
    assert not is_in(browser)


def test_one_can_log_another_browser_out(browser):
    other = browser.another()
    other.log_in("viewer")
    browser.log_in("viewer")
    ids = [login.id for login in browser.services.logins.list("viewer")]
    assert len(ids) == 2
    browser.post("/account/revoke_others")
    assert not is_in(other)
    assert is_in(browser)


def test_nobody_ends_the_logins_of_others(browser):
    other = browser.another()
    other.log_in("administrator")
    (login,) = browser.services.logins.list("administrator")
    browser.log_in("viewer")
    browser.post("/account/revoke", {"id": login.id})
    assert is_in(other)


def test_another_password_ends_the_logins_made_with_the_old_one(browser):
    other = browser.another()
    other.log_in("viewer")
    browser.log_in("viewer")
    form = {"password": PASSWORD, "new_password": "new-one-22", "repeated": "new-one-22"}
    assert browser.post("/account/password", form).status_code == 303
    assert is_in(browser)
    assert not is_in(other)


def test_a_user_who_is_deleted_is_out(browser):
    browser.log_in("viewer")
    browser.services.users.delete("viewer")
    assert not is_in(browser)


def test_what_another_process_revokes_is_noticed_within_seconds(browser):
    browser.log_in("viewer")
    assert is_in(browser)
    (login,) = browser.services.logins.list("viewer")
    elsewhere = type(browser.services.logins)(
        browser.services.logins._database, browser.services.users, browser.clock
    )
    elsewhere.revoke("viewer", login.id)
    browser.clock.advance(RELOAD_AFTER_S + 0.1)
    assert not is_in(browser)


def test_ended_logins_are_swept(browser):
    browser.log_in("viewer")
    browser.clock.advance(IDLE_LIMIT_MS / 1000 + 1)
    assert browser.services.logins.sweep_expired() == 1
    assert browser.services.logins.sweep_expired() == 0
