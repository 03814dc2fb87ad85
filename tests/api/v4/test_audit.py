"""The audit log over the fourth generation, and what every request gets."""

from __future__ import annotations

import logging

import pytest

from tests.harness.fake_nodes import NODE

APP = {"app_id": "tool", "name": "Tool", "status": True, "secret": "hush"}


def test_a_change_is_told_with_who_when_and_from_where(api):
    api.post("/apps", APP, headers={"X-Request-Id": "my-id/1"})
    answer = api.get("/audit?action=app.create&target=tool")
    (row,) = answer["data"]
    assert row.pop("id") > 0
    assert row.pop("at") > 1_700_000_000_000
    assert row == {
        "kind": "app",
        "actor": "admin",
        "address": "127.0.0.1",
        "request_id": "my-id/1",
        "action": "app.create",
        "target": "tool",
        "before": None,
        "after": {
            "name": "Tool",
            "desc": "",
            "status": True,
            "expired": None,
            "permission": "full",
        },
    }
    assert answer["meta"] == {"page": 1, "limit": 10_000, "count": 1, "hasnext": False}


def test_a_user_of_the_dashboard_is_named_as_one(api):
    dashboard = {"base_url": "http://localhost:18083"}
    api.post("/banned", {"who": "c9", "as": "clientid"}, **dashboard)
    (row,) = api.get("/audit?kind=user")["data"]
    assert (row["actor"], row["action"], row["target"]) == ("admin", "banned.create", "clientid:c9")


def test_a_change_that_no_service_records_is_recorded_by_the_api(api):
    api.delete("/clients/c1")
    (row,) = api.get("/audit?action=api.delete")["data"]
    assert (row["target"], row["actor"]) == ("/api/v4/clients/c1", "admin")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/clients", None),
        ("POST", "/mqtt/publish", {"topic": "a"}),
        ("POST", "/apps", {"app_id": "-"}),
        ("POST", "/nowhere", None),
        ("POST", "/mqtt/publish", "no json"),
    ],
)
def test_what_changes_nothing_is_not_told(api, method, path, body):
    before = api.get("/audit")
    api.ask(method, "/api/v4" + path, json=body)
    assert api.get("/audit") == before


def test_a_change_that_cannot_be_told_goes_to_the_log(api, caplog, monkeypatch):
    def fail(*_arguments, **_named):
        raise RuntimeError("no room")

    monkeypatch.setattr(type(api.services.audit), "note", fail)
    with caplog.at_level(logging.ERROR):
        assert api.delete("/clients/c1") == {"code": 0}
    assert "the audit log misses: api.delete /api/v4/clients/c1" in caplog.text


def test_the_log_is_paged_and_filtered(api):
    for number in range(3):
        api.post("/banned", {"who": f"c{number}", "as": "clientid"})
    answer = api.get("/audit?action=banned.create&_limit=2")
    assert [row["target"] for row in answer["data"]] == ["clientid:c2", "clientid:c1"]
    assert answer["meta"] == {"page": 1, "limit": 2, "count": 3, "hasnext": True}
    assert api.get("/audit?_lte_at=1")["data"] == []
    assert api.get("/audit?_gte_at=x")["code"] == 108


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "é"])
def test_a_request_id_that_cannot_be_kept_is_replaced(api, given):
    answer = api.ask("GET", "/api/v4/nodes", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] not in ("", given)


@pytest.mark.parametrize("path", ["/api/v4/nodes", "/api/v4/nowhere", "/api/v4/apps/x"])
@pytest.mark.parametrize("auth", [None, ("admin", "public")])
def test_answers_keep_browsers_out_of_trouble(api, path, auth):
    headers = api.ask("GET", path, auth=auth).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Request-Id"]


def test_a_change_that_no_service_records_is_told_with_what_was_asked_but_no_secret(api):
    asked = {"conn_messages_in": "10,1s", "password": "hush"}
    assert api.post("/clients/c1/ratelimit", asked) == {"code": 0}
    (row,) = api.get("/audit?action=api.post")["data"]
    assert row["after"] == {"conn_messages_in": "10,1s", "password": "******"}


def test_a_rule_of_access_is_told_with_what_it_was_before(api):
    api.put(f"/nodes/{NODE}/plugins/emqx_auth_mnesia/load")
    rule = {"clientid": "c9", "topic": "a/b", "action": "pub", "access": "allow"}
    for change in ({}, {"access": "deny"}, {"action": "sub"}):
        assert api.post("/acl", rule | change)["code"] == 0
    assert api.delete("/acl/clientid/c9/topic/a%2Fb")["code"] == 0
    newest_first = api.get("/audit?target=clientid:c9")["data"]
    allowed, denied, also = (
        {"topic": "a/b", "action": action, "access": access}
        for action, access in (("pub", "allow"), ("pub", "deny"), ("sub", "allow"))
    )
    assert [(row["before"], row["after"]) for row in reversed(newest_first)] == [
        (None, [allowed]),
        ([allowed], [denied]),
        ([denied], [denied, also]),
        ([denied, also], None),
    ]
