"""Dashboard users over the fourth generation, on the dashboard's port."""

from __future__ import annotations

import pytest

DASHBOARD = {"base_url": "http://localhost:18083"}
ADMIN = ("admin", "public")
ALICE = {"username": "alice", "password": "s3cret-of-alice", "tags": "viewer"}
AS_ALICE = {**DASHBOARD, "auth": ("alice", "s3cret-of-alice")}


@pytest.fixture
def alice(api):
    def make(role):
        assert api.post("/users", {**ALICE, "tags": role}, **DASHBOARD) == {"code": 0}
        return AS_ALICE

    return make


def test_the_dashboards_port_takes_users_and_the_management_ports_take_applications(api):
    api.post("/users", ALICE, **DASHBOARD)
    api.post("/apps", {"app_id": "tool", "name": "T", "status": True, "secret": "s3cret"})
    tool = ("tool", "s3cret")
    assert api.ask("GET", "/api/v4/nodes", auth=tool).status_code == 200
    assert api.ask("GET", "/api/v4/nodes", auth=tool, **DASHBOARD).status_code == 401
    assert api.ask("GET", "/api/v4/nodes", **AS_ALICE).status_code == 200
    assert api.ask("GET", "/api/v4/nodes", auth=AS_ALICE["auth"]).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/users"), ("POST", "/auth"), ("PUT", "/change_pwd/admin"), ("PUT", "/users/admin")],
)
def test_the_management_ports_do_not_know_users(api, method, path):
    answer = api.ask(method, "/api/v4" + path)
    assert (answer.status_code, answer.data) == (404, b"Not found.")


def test_logging_in_needs_no_credentials_but_those_in_the_body(api):
    def login(**body):
        return api.post("/auth", body, auth=None, **DASHBOARD)

    assert login(username="admin", password="public") == {"code": 0}
    assert login(username="admin", password="x") == {"message": "Username/Password error"}
    assert login(username="x", password="x") == {"message": "Username/Password error"}
    assert login(password="x") == {"message": "Username undefined"}
    assert login(username="x") == {"message": "Password undefined"}
    assert api.ask("POST", "/api/v4/auth", auth=None, json={}).status_code == 401


def test_users_are_listed_changed_and_deleted(api):
    api.post("/users", ALICE, **DASHBOARD)
    assert api.put("/users/alice", {"tags": "new", "role": "operator"}, **DASHBOARD) == {"code": 0}
    assert api.get("/users", **DASHBOARD)["data"] == [
        {"username": "admin", "tags": "administrator", "role": "administrator"},
        {"username": "alice", "tags": "new", "role": "operator"},
    ]
    assert api.delete("/users/alice", **DASHBOARD) == {"code": 0}
    assert api.delete("/users/alice", **DASHBOARD) == {"message": "Username Not Found"}
    assert api.delete("/users/admin", **DASHBOARD) == {"message": "Cannot delete admin"}
    assert api.put("/users/alice", {"tags": "x"}, **DASHBOARD) == {"message": "Username Not Found"}


def test_a_password_is_changed_with_the_old_one(api):
    def change(**body):
        return api.put("/change_pwd/admin", body, **DASHBOARD)

    assert change(old_pwd="x", new_pwd="an0ther one") == {"message": "Username/Password error"}
    assert change(old_pwd="public", new_pwd="short") == {"message": "The password length: 8-64"}
    assert change(old_pwd="public", new_pwd="an0ther one") == {"code": 0}
    assert api.ask("GET", "/api/v4/nodes", **DASHBOARD).status_code == 401
    assert api.get("/nodes", auth=("admin", "an0ther one"), **DASHBOARD)["code"] == 0


def test_the_shipped_password_is_good_on_this_machine_only(api):
    elsewhere = {**DASHBOARD, "environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    answer = api.ask("GET", "/api/v4/nodes", **elsewhere)
    assert answer.status_code == 401
    assert b"/api/v4/change_pwd/admin" in answer.data
    login = api.post("/auth", {"username": "admin", "password": "public"}, auth=None, **elsewhere)
    assert "change_pwd" in login["message"]


CALLS = [
    ("GET", "/clients", 200, 200),
    ("DELETE", "/clients/c1", 403, 200),
    ("POST", "/mqtt/publish", 403, 200),
    ("GET", "/users", 403, 403),
    ("POST", "/users", 403, 403),
    ("GET", "/apps/admin", 403, 403),
    ("PUT", "/apps/admin", 403, 403),
    ("GET", "/audit", 403, 403),
    ("GET", "/data/export", 403, 403),
]


@pytest.mark.parametrize(("method", "path", "viewer", "operator"), CALLS)
def test_a_role_allows_so_much(api, alice, method, path, viewer, operator):
    as_viewer = alice("viewer")
    assert api.ask(method, "/api/v4" + path, **as_viewer).status_code == viewer
    api.put("/users/alice", {"role": "operator"}, **DASHBOARD)
    assert api.ask(method, "/api/v4" + path, **as_viewer).status_code == operator


def test_a_viewer_may_change_his_own_password(api, alice):
    body = {"old_pwd": ALICE["password"], "new_pwd": "an0ther one"}
    assert api.put("/change_pwd/alice", body, **alice("viewer")) == {"code": 0}


@pytest.mark.parametrize(
    ("permission", "method", "path", "status"),
    [
        ("read_only", "GET", "/clients", 200),
        ("read_only", "POST", "/mqtt/publish", 403),
        ("read_only", "DELETE", "/clients/c1", 403),
        ("read_only", "GET", "/apps/admin", 403),
        ("publish_only", "POST", "/mqtt/publish", 200),
        ("publish_only", "POST", "/mqtt/subscribe", 403),
        ("publish_only", "GET", "/clients", 403),
    ],
)
def test_a_permission_allows_so_much(api, permission, method, path, status):
    app = {"app_id": "tool", "name": "T", "status": True, "secret": "s", "permission": permission}
    assert api.post("/apps", app)["code"] == 0
    answer = api.ask(method, "/api/v4" + path, json={"topic": "a"}, auth=("tool", "s"))
    assert answer.status_code == status


def test_a_permission_stays_when_an_application_is_changed_without_a_word_about_it(api):
    api.post("/apps", {"app_id": "tool", "name": "T", "status": True, "permission": "read_only"})
    api.put("/apps/tool", {"name": "New", "status": True, "secret": "s"})
    assert api.ask("DELETE", "/api/v4/clients/c1", auth=("tool", "s")).status_code == 403
    assert api.get("/apps/tool")["data"]["permission"] == "read_only"
    api.put("/apps/tool", {"permission": "full"})
    app = api.get("/apps/tool")["data"]
    assert (app["name"], "permission" in app) == ("New", False)
    assert api.ask("DELETE", "/api/v4/clients/c1", auth=("tool", "s")).status_code == 200


def test_who_fails_too_often_waits_and_others_do_not(api):
    for _ in range(20):
        assert api.ask("GET", "/api/v4/nodes", auth=("admin", "guess")).status_code == 401
    answer = api.ask("GET", "/api/v4/nodes", auth=("admin", "guess"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    elsewhere = {"environ_base": {"REMOTE_ADDR": "127.0.0.2"}}
    assert api.ask("GET", "/api/v4/nodes", **elsewhere).status_code == 200
    login = api.post("/auth", {"username": "admin", "password": "x"}, auth=None, **DASHBOARD)
    assert login["message"].startswith("Too many failed logins")
