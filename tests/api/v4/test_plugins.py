"""Plugins, modules, and the calls that only a loaded plugin answers, over the fourth generation."""

from __future__ import annotations

import pytest

from tests.harness.fake_nodes import NODE

MNESIA = f"/nodes/{NODE}/plugins/emqx_auth_mnesia"


def states(api, kind: str) -> dict[str, bool]:
    ((node),) = api.get(f"/{kind}")["data"]
    assert node["node"] == NODE
    assert api.get(f"/nodes/{NODE}/{kind}")["data"] == node[kind]
    return {one["name"]: one["active"] for one in node[kind]}


def test_lists_tell_true_states(api):
    plugins = states(api, "plugins")
    assert plugins["emqx_management"] is True
    assert plugins["emqx_auth_mnesia"] is False
    modules = states(api, "modules")
    assert modules["emqx_mod_presence"] is True
    assert modules["emqx_mod_acl_internal"] is True
    assert modules["emqx_mod_subscription"] is False
    api.put(f"{MNESIA}/load")
    assert states(api, "plugins")["emqx_auth_mnesia"] is True


def test_a_plugin_has_the_members_of_every_4_x(api):
    (row,) = [one for one in api.get(f"/nodes/{NODE}/plugins")["data"] if "mnesia" in one["name"]]
    assert row.keys() == {"name", "version", "description", "active", "type"}
    assert row["type"] == "auth"


def test_refusals_carry_no_code(api):
    assert api.put(f"{MNESIA}/unload") == {"message": "not_started"}
    assert api.put(f"{MNESIA}/load") == {"code": 0}
    assert api.put(f"{MNESIA}/load") == {"message": "already_started"}
    assert api.put("/plugins/emqx_auth_mnesia/unload") == {"code": 0}
    assert api.put("/plugins/emqx_auth_mnesia/reload") == {"code": 0}
    assert api.put(f"/nodes/{NODE}/plugins/nobody/load") == {"message": "not_found"}
    assert api.put("/plugins/nobody/reload") == {"message": "not_found"}
    assert api.put("/modules/nobody/load") == {"message": "not_found"}
    assert api.put("/modules/emqx_mod_presence/load") == {"message": "already_started"}
    assert "cannot be unloaded" in api.put("/plugins/emqx_management/unload")["message"]


@pytest.mark.parametrize("path", ["/nodes/nobody/plugins", "/nodes/nobody/modules"])
def test_a_node_that_there_is_not_is_not_found(api, path):
    assert api.ask("GET", f"/api/v4{path}").status_code == 404


def test_a_plugin_s_own_calls_are_listed_and_answer_while_it_is_loaded(api):
    assert "/auth_clientid" in [row["path"] for row in api.get("")["data"]]
    for path in ("/auth_clientid", "/auth_username/u", "/acl/$all"):
        answer = api.ask("GET", f"/api/v4{path}")
        assert (answer.status_code, answer.data) == (404, b"Not found.")
    api.put(f"{MNESIA}/load")
    assert api.get("/auth_clientid")["data"] == []
    api.put(f"{MNESIA}/unload")
    assert api.ask("GET", "/api/v4/auth_clientid").status_code == 404


@pytest.mark.parametrize("former", ["emqx_auth_username", "emqx_auth_clientid"])
def test_the_plugins_that_it_replaces_are_loaded_and_unloaded_by_their_names(api, former):
    named = MNESIA.replace("emqx_auth_mnesia", former)
    assert api.put(f"{named}/load") == {"code": 0}
    assert api.get("/auth_username")["data"] == []
    assert api.put(f"{MNESIA}/unload") == {"code": 0}
    assert api.ask("GET", "/api/v4/auth_username").status_code == 404


@pytest.fixture
def mnesia(api):
    api.put(f"{MNESIA}/load")
    return api


def test_a_login_is_created_shown_without_its_password_changed_and_removed(mnesia, clock):
    assert mnesia.post("/auth_username", {"username": "u/1", "password": "p"}) == {"code": 0}
    shown = {"username": "u/1", "created_at": clock.wall_ms()}
    assert mnesia.get("/auth_username/u%2F1") == {"code": 0, "data": shown}
    assert mnesia.get("/auth_username") == {
        "code": 0,
        "data": [shown],
        "meta": {"page": 1, "limit": 10_000, "count": 1, "hasnext": False},
    }
    assert mnesia.get("/auth_username?_like_username=x")["meta"]["count"] == -1
    assert mnesia.put("/auth_username/u%2F1", {"password": "q"}) == {"code": 0}
    assert mnesia.put("/auth_username/nobody", {"password": "q"}) == {"message": "noexisted"}
    assert mnesia.delete("/auth_username/u%2F1") == {"code": 0}
    assert mnesia.delete("/auth_username/u%2F1") == {"code": 0}
    assert mnesia.get("/auth_username/u%2F1") == {"code": 0, "data": {}}


def test_many_logins_are_answered_by_name(mnesia):
    body = [{"clientid": "a", "password": "p"}, {"clientid": "a", "password": "q"}]
    assert mnesia.post("/auth_clientid", body)["data"] == {"a": "{error,existed}"}
    assert mnesia.post("/auth_clientid", {"clientid": "a", "password": "p"}) == {
        "message": "existed"
    }
    for nothing in ([], {}, None):
        assert mnesia.post("/auth_clientid", nothing) == {"message": "login"}


def test_rules_are_added_echoed_listed_and_removed(mnesia):
    rule = {"clientid": "c1", "topic": "a/#", "action": "pubsub", "access": "allow"}
    assert mnesia.post("/acl", rule)["data"] == {**rule, "result": "ok"}
    listed = mnesia.get("/acl/clientid")
    assert listed["meta"] == {"page": 1, "limit": 50, "count": 2}
    assert sorted(row["action"] for row in listed["data"]) == ["pub", "sub"]
    assert mnesia.get("/acl/clientid/c1")["data"] == listed["data"]
    assert mnesia.get("/acl/clientid?action=pub")["meta"]["count"] == 1
    assert mnesia.delete("/acl/clientid/c1/topic/a%2F%23") == {"code": 0}
    assert mnesia.get("/acl/clientid")["data"] == []


def test_a_list_of_rules_is_answered_in_reverse(mnesia):
    first = {"topic": "a", "action": "pub", "access": "deny"}
    second = {"username": "u1", "topic": "b", "action": "sub", "access": "allow"}
    wrong = {"username": "u1", "topic": "b"}
    told = mnesia.post("/acl", [first, second, wrong])["data"]
    assert told == [
        {**wrong, "result": "{error,action}"},
        {**second, "result": "ok"},
        {**first, "all": "$all", "result": "ok"},
    ]
    assert mnesia.get("/acl/$all")["data"] == [{**first, "all": "$all"}]
    assert mnesia.delete("/acl/$all/topic/a") == {"code": 0}
    assert mnesia.get("/acl/%24all")["data"] == []


def test_a_plugin_shows_what_it_has_counted(api):
    counted = api.get("/plugins/emqx_auth_mnesia/metrics")["data"]
    assert counted["auth.success"] == 0
    assert api.get("/plugins/emqx_retainer/metrics")["data"] == {}
    assert api.get("/plugins/nobody/metrics")["code"] == 404
