"""Users of the dashboard as an administrator keeps them."""

from __future__ import annotations

import pytest

HTMX = {"HX-Request": "true"}
NEW = {"username": "ada", "password": "long-enough-1", "role": "viewer", "tags": "reads"}


@pytest.fixture
def keeping(browser):
    browser.log_in("administrator")
    browser.get("/users")
    return browser


def test_a_user_is_created_with_role_and_remark_and_may_log_in(keeping):
    assert keeping.post("/users/add", NEW).status_code == 303
    page = keeping.get("/users?username=ada").text
    assert "reads" in page
    assert keeping.another().log_in("ada", NEW["password"]).status_code == 303


def test_a_password_too_plain_is_refused_in_words(keeping):
    answer = keeping.post("/users/add", NEW | {"password": "short"}, headers=HTMX)
    assert answer.status_code == 400
    assert "8-64" in answer.headers["HX-Trigger"]


def test_role_and_remark_change(keeping):
    keeping.post("/users/change", {"name": "viewer", "role": "operator", "tags": "acts"})
    record = keeping.services.users.get("viewer")
    assert (record.role, record.tags) == ("operator", "acts")


def test_another_password_logs_the_users_browsers_out(keeping):
    theirs = keeping.another()
    theirs.log_in("viewer")
    keeping.post("/users/password", {"name": "viewer", "password": "another-one-2"})
    assert theirs.get("/clients").status_code == 303
    assert theirs.log_in("viewer", "another-one-2").status_code == 303


def test_a_users_browsers_are_listed_and_logged_out(keeping):
    theirs = keeping.another()
    theirs.log_in("viewer")
    assert "127.0.0.1" in keeping.get("/users/user?name=viewer").text
    (login,) = keeping.services.logins.list("viewer")
    keeping.post("/users/revoke", {"name": "viewer", "id": login.id})
    assert theirs.get("/clients").status_code == 303


def test_a_user_is_deleted_but_admin_never(keeping):
    assert keeping.post("/users/delete", {"name": "viewer"}).status_code == 303
    assert keeping.services.users.get("viewer") is None
    answer = keeping.post("/users/delete", {"name": "admin"}, headers=HTMX)
    assert "cannot be deleted" in answer.headers["HX-Trigger"]
    assert keeping.services.users.get("admin") is not None


def test_a_user_that_there_is_not_is_said_so(keeping):
    assert keeping.get("/users/user?name=nobody").status_code == 404


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_nobody_else_sees_users(browser, role):
    browser.log_in(role)
    assert browser.get("/users").status_code == 403
    assert 'href="/dashboard/users"' not in browser.get("/clients").text
