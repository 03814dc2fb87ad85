"""Users of the second generation: who logs in, and who may be changed how."""

from __future__ import annotations

import pytest

EVE = {"username": "eve", "password": "plain", "tags": "viewer"}
OK = {"code": 0, "result": []}


@pytest.fixture
def ask(api):
    def make(method, path, body=None, **options):
        answer = api.ask(method, "/api/v2" + path, json=body, **options)
        assert (answer.status_code, answer.content_type) == (200, "application/json"), answer.data
        return answer.json

    return make


def test_a_user_logs_in_at_the_port_of_applications(api, ask):
    assert ask("POST", "/users", {**EVE, "tags": "administrator"}) == OK
    assert ask("GET", "/users/eve", auth=("eve", "plain"))["result"]["username"] == "eve"
    assert api.ask("GET", "/api/v3/brokers", auth=("eve", "plain")).status_code == 401


@pytest.mark.parametrize("auth", [None, ("admin", "wrong"), ("nobody", "public")])
def test_without_good_credentials_it_is_401_in_emq_s_words(api, auth):
    answer = api.ask("GET", "/api/v2/users", auth=auth)
    assert (answer.status_code, answer.data) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == 'Basic Realm="emqx control center"'


def test_passwords_may_be_asked_for_without_a_login(ask):
    good = {"username": "admin", "password": "public"}
    assert ask("POST", "/auth", good, auth=None) == OK
    for wrong in ({**good, "password": "x"}, {**good, "username": "x"}):
        answer = ask("POST", "/auth", wrong, auth=None)
        assert answer == {"code": 103, "message": "Password error"}
    assert ask("POST", "/auth", {**good, "password": ""}, auth=None)["code"] == 104
    assert ask("POST", "/auth", {}, auth=None) == {"code": 107, "message": "params error"}
    assert ask("POST", "/auth", {**good, "password": 1}, auth=None)["code"] == 108


def test_a_user_is_created_once(ask):
    assert ask("POST", "/users", EVE) == OK
    assert ask("POST", "/users", EVE) == {"code": 113, "message": "User already exist"}
    assert {"username": "eve", "tags": "viewer"} in ask("GET", "/users")["result"]
    assert ask("POST", "/users", {**EVE, "username": "x", "password": ""})["code"] == 104
    assert ask("POST", "/users", {"username": "x"}) == {"code": 107, "message": "params error"}


def test_a_user_is_changed_and_deleted(ask):
    ask("POST", "/users", EVE)
    assert ask("PUT", "/users/eve", {"tags": "operator"}) == OK
    assert ask("GET", "/users/eve")["result"]["tags"] == "operator"
    assert ask("DELETE", "/users/eve") == OK
    assert ask("GET", "/users/eve")["result"] == []
    assert ask("DELETE", "/users/eve") == {"code": 105, "message": "User not found"}
    assert ask("PUT", "/users/eve", {"tags": "x"}) == {"code": 105, "message": "User not found"}
    assert ask("DELETE", "/users/admin") == {"code": 106, "message": "admin cannot be deleted"}


def test_a_password_is_changed_by_whoever_knows_the_old_one(ask):
    ask("POST", "/users", EVE)
    change = {"old_pwd": "plain", "new_pwd": "other"}
    assert ask("PUT", "/change_pwd/eve", change) == OK
    assert ask("PUT", "/change_pwd/eve", change) == {"code": 114, "message": "OldPassword error"}
    assert ask("PUT", "/change_pwd/nobody", change) == {"code": 105, "message": "User not found"}
    assert ask("PUT", "/change_pwd/eve", {"old_pwd": "other", "new_pwd": ""})["code"] == 104
    assert ask("POST", "/auth", {"username": "eve", "password": "other"}) == OK
