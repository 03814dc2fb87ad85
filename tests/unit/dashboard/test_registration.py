"""Who gets through to what: every route by direct requests of every role, and what every answer carries."""

from __future__ import annotations

import re

import pytest

from app.dashboard.access import Right, allows
from app.dashboard.pages import DEFAULT_BODY_BYTES, Route, all_pages
from tests.unit.dashboard.conftest import ROLES, Browser

ROUTES = [route for page in all_pages() for route in page.all_routes()]
CHANGING = [route for route in ROUTES if route.method != "GET"]


def told(route: Route) -> str:
    return f"{route.method} {route.path}"


def ask(browser: Browser, route: Route, *, csrf: bool = True):
    form = {"csrf_token": browser.token} if csrf else {}
    return browser.client.open(f"/dashboard{route.path}", method=route.method, data=form)


def test_the_url_map_holds_nothing_that_no_table_names(browser):
    served = {
        (method, rule.rule.removeprefix("/dashboard"))
        for rule in browser.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    open_to_all = {
        ("GET", "/login"),
        ("POST", "/login"),
        ("POST", "/login/password"),
        ("POST", "/logout"),
        ("POST", "/preferences"),
        ("GET", "/texts/<language>.json"),
        ("GET", "/static/<path:filename>"),
        ("GET", "/<path:unknown>"),
    }
    assert served == {(route.method, route.path) for route in ROUTES} | open_to_all


@pytest.fixture(scope="module")
def people(make_browser, tmp_path_factory):
    """A browser of every role, and of nobody, at one node."""
    with make_browser(tmp_path_factory.mktemp("people")) as nobody:
        nobody.get("/login")
        found = {"nobody": nobody} | {role: nobody.another() for role in ROLES}
        for role in ROLES:
            assert found[role].log_in(role).status_code == 303
        yield found


@pytest.mark.parametrize("route", ROUTES, ids=told)
def test_nobody_gets_anywhere_without_a_login(people, route):
    browser = people["nobody"]
    browser.node.commands.clear()
    answer = ask(browser, route)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/dashboard/login?next=")
    assert browser.node.commands == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", ROUTES, ids=told)
def test_a_role_gets_through_to_what_its_rights_allow(people, role, route):
    answer = ask(people[role], route)
    assert (answer.status_code == 403) is not allows(role, route.right)
    assert "/login" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("route", CHANGING, ids=told)
def test_a_form_of_another_site_changes_nothing(people, route):
    browser = people["administrator"]
    browser.node.commands.clear()
    assert ask(browser, route, csrf=False).status_code == 400
    assert browser.node.commands == []


def test_no_route_changes_anything_by_get():
    assert {route.method for route in ROUTES} <= {"GET", "POST", "PUT", "DELETE"}


def test_what_takes_more_than_a_form_is_for_administrators():
    large = [route for route in ROUTES if route.max_body_bytes > DEFAULT_BODY_BYTES]
    assert large
    assert {route.right for route in large} == {Right.ADMINISTER}
    assert all(route.max_body_bytes > 0 for route in ROUTES)


def test_pages_allow_neither_inline_scripts_nor_inline_styles(browser):
    browser.log_in("administrator")
    for page in all_pages():
        answer = browser.get(page.path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert not re.search(r"<[^>]+ (style|on\w+)=|<style|<script(?![^>]* src=)", answer.text)


def test_a_page_too_large_is_refused(browser):
    browser.log_in("administrator")
    answer = browser.post("/clients/kick", {"clientid": "x" * 1_100_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("port", "accept", "status"),
    [
        (18083, "text/html,*/*;q=0.8", 302),
        (18083, "*/*", 302),
        (18083, "application/json", 404),
        (8081, "text/html,*/*;q=0.8", 302),
        (8081, "*/*", 404),
    ],
)
def test_the_root_is_the_dashboard_for_browsers(browser, port, accept, status):
    answer = browser.client.get(
        "/", headers={"Accept": accept}, base_url=f"http://localhost:{port}"
    )
    assert answer.status_code == status
    if status == 302:
        assert answer.headers["Location"] == "/dashboard/"


def test_language_and_theme_are_kept_in_the_browser(browser):
    assert "Log in" in browser.get("/login").text
    answer = browser.post("/preferences", {"language": "zh", "next": "/dashboard/login"})
    assert answer.headers["Location"] == "/dashboard/login"
    browser.post("/preferences", {"theme": "dark"})
    page = browser.get("/login").text
    assert "登录" in page
    assert 'data-bs-theme="dark"' in page


def test_an_unknown_page_says_so(browser):
    browser.log_in("viewer")
    assert browser.get("/nowhere").status_code == 404


def test_a_refusal_is_a_toast_for_our_script_and_a_page_for_everybody_else(browser):
    browser.log_in("operator")
    browser.node.client_records.clear()
    form = {"clientid": "gone"}
    plain = browser.post("/clients/kick", form)
    assert plain.status_code == 404
    assert "Reload the list" in plain.text
    fragment = browser.post("/clients/kick", form, headers={"HX-Request": "true"})
    assert fragment.text == ""
    assert "Reload the list" in fragment.headers["HX-Trigger"]
