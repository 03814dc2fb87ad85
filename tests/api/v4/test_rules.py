"""Rules, actions and resources over the API, as EMQX's own clients read them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from app.rules.registry import ACTION_TYPES, RESOURCE_TYPES
from tests.api.conftest import Api
from tests.harness.fake_nodes import NODE

SQL = 'SELECT payload.x AS x FROM "t/#"'
NOTHING_THERE = {"url": "http://127.0.0.1:9", "connect_timeout": "1s"}


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of something that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def a_rule(api: Api, **more: Any) -> dict[str, Any]:
    wanted = {"rawsql": SQL, "actions": [{"name": "inspect", "params": {"a": 1}}], **more}
    answer = api.post("/rules", wanted)
    assert answer["code"] == 0, answer
    made: dict[str, Any] = answer["data"]
    return made


def a_resource(api: Api, **config: Any) -> str:
    answer = api.post("/resources", {"type": "web_hook", "config": {**NOTHING_THERE, **config}})
    assert answer["code"] == 0, answer
    made: str = answer["data"]["id"]
    return made


def using(resource_id: str) -> list[dict[str, Any]]:
    return [{"name": "data_to_webserver", "params": {"$resource": resource_id}}]


def test_a_rule_has_the_members_and_types_that_an_exporter_reads(api):
    a_rule(api)
    (row,) = api.get("/rules")["data"]
    assert row["id"].startswith("rule:") and row["enabled"] is True
    (metrics,) = row["metrics"]
    assert {name: type(value).__name__ for name, value in metrics.items()} == {
        "node": "str",
        **dict.fromkeys(("matched", "passed", "failed", "exception", "no_result"), "int"),
        **dict.fromkeys(("speed", "speed_max", "speed_last5m"), "float"),
    }
    (action,) = row["actions"]
    (counted,) = action["metrics"]
    assert (counted["node"], counted["taken"], counted["success"], counted["failed"]) == (NODE, 0, 0, 0)  # fmt: skip
    a_resource(api)
    (resource,) = api.get("/resources")["data"]
    assert (resource["type"], resource["status"]) == ("web_hook", False)


def test_a_rule_is_shown_changed_and_removed(api):
    made = a_rule(api, description="d", on_action_failed="stop")
    path = f"/rules/{made['id']}"
    assert api.get(path)["data"] == made
    assert made["for"] == ["t/#"]
    changed = api.put(path, {"rawsql": 'SELECT * FROM "b"', "enabled": False})["data"]
    assert (changed["for"], changed["enabled"]) == (["b"], False)
    assert (changed["description"], changed["on_action_failed"]) == ("d", "stop")
    assert changed["actions"] == made["actions"]
    assert api.put(f"{path}/reset_metrics") == {"code": 0}
    assert api.delete(path) == {"code": 0}
    assert api.delete(path) == {"code": 0}
    assert api.get(path) == {"code": 404, "message": "Not Found"}
    unknown = f"Rule {made['id']} Not Found"
    assert api.put(path, {"enabled": True}) == {"code": 400, "message": unknown}


def test_rules_come_in_pages_newest_first_with_filters(api, clock):
    for number in range(5):
        clock.advance(1)
        a_rule(api, id=f"rule:{number}", enabled=number % 2 == 0, description=f"number {number}")
    first = api.get("/rules?_limit=2")
    assert first["meta"] == {"page": 1, "limit": 2, "count": 5, "hasnext": True}
    assert [row["id"] for row in first["data"]] == ["rule:4", "rule:3"]
    last = api.get("/rules?_limit=2&_page=3")
    assert (last["meta"]["hasnext"], len(last["data"])) == (False, 1)
    off = api.get("/rules?enabled=false")
    assert (off["meta"]["count"], [row["id"] for row in off["data"]]) == (-1, ["rule:3", "rule:1"])
    assert len(api.get("/rules?for=t/%23")["data"]) == 5
    assert api.get("/rules?for=t/%23&_like_for=none")["meta"]["count"] == -1
    assert api.get("/rules?_match_for=x/%23")["data"] == []
    assert [row["id"] for row in api.get("/rules?_like_description=2")["data"]] == ["rule:2"]
    whole = api.get("/rules?enable_paging=false")
    assert "meta" not in whole and len(whole["data"]) == 5
    assert api.get("/rules?enabled=perhaps")["code"] == 108


@pytest.mark.parametrize(
    ("wanted", "code", "message"),
    [
        ({"actions": []}, 107, "missing mandatory params: ['rawsql', 'actions']"),
        ({"rawsql": "SELECT", "actions": []}, 400, "Bad Arguments: {parse_error,"),
        ({"rawsql": SQL, "actions": {}}, 108, "value of 'actions' must be"),
        ({"rawsql": SQL, "actions": [{"name": "x"}]}, 400, "Action x Not Found"),
        ({"rawsql": SQL, "actions": using("r")}, 400, "Resource r Not Found"),
        ({"rawsql": SQL, "actions": [], "on_action_failed": "x"}, 108, "value of"),
        ({"rawsql": SQL, "actions": [], "id": ""}, 400, "Bad Arguments: {empty_string_not"),
        ({"rawsql": SQL, "actions": [], "test": "perhaps"}, 108, "value of 'test'"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_words(api, wanted, code, message):
    answer = api.post("/rules", wanted)
    assert (answer["code"], answer["message"][: len(message)]) == (code, message)


@pytest.mark.parametrize("path", ["/rules?test=true", "/rules"])
def test_a_statement_can_be_tried(api, path):
    wanted = {"rawsql": SQL, "ctx": {"topic": "t/1", "payload": '{"x": 1}'}, "test": True}
    assert api.post(path, wanted) == {"code": 0, "data": {"x": 1}}
    assert api.post(path, {**wanted, "ctx": {"topic": "u"}}) == {
        "code": 404,
        "message": "SQL Not Match",
    }
    assert api.get("/rules")["data"] == []


def test_actions_and_resource_types_tell_their_parameters_in_two_languages(api):
    actions = {row["name"]: row for row in api.get("/actions")["data"]}
    assert set(actions) == {one.name for one in ACTION_TYPES}
    assert actions["republish"] == api.get("/actions/republish")["data"]
    topic = actions["republish"]["params"]["target_topic"]
    assert (topic["type"], topic["required"], topic["order"]) == ("string", True, 1)
    assert set(topic["title"]) == {"en", "zh"}
    types = {row["name"]: row for row in api.get("/resource_types")["data"]}
    assert set(types) == {one.name for one in RESOURCE_TYPES}
    assert types["web_hook"]["params"]["url"]["format"] == "url"
    assert types["web_hook"] == api.get("/resource_types/web_hook")["data"]
    for path in ("/actions/none", "/resource_types/none", "/resource_types/none/resources"):
        assert api.get(path) == {"code": 404, "message": "Not Found"}


def test_a_resource_in_use_is_neither_changed_nor_removed(api):
    resource = a_resource(api)
    path = f"/resources/{resource}"
    rule = a_rule(api, actions=using(resource))
    refused = {
        "code": 400,
        "message": f'Found rules [<<"{rule["id"]}">>] depends on this resource, disable them first',
    }
    assert api.delete(path) == refused
    assert api.put(path, {"description": "new"}) == refused
    api.put(f"/rules/{rule['id']}", {"enabled": False})
    assert api.put(path, {"description": "new"}) == {"code": 0}
    assert api.put(path, {"config": {**NOTHING_THERE, "pool_size": 2}}) == {"code": 0}
    shown = api.get(path)["data"]
    assert (shown["description"], shown["config"]["pool_size"]) == ("new", 2)
    assert shown["status"] == [{"node": NODE, "is_alive": False}]
    assert [row["id"] for row in api.get("/resource_types/web_hook/resources")["data"]] == [
        resource
    ]
    assert api.get("/resource_types/bridge_mqtt/resources")["data"] == []
    assert api.delete(path) == {"code": 0}
    assert api.delete(path) == {"code": 0}
    again = api.put(f"/rules/{rule['id']}", {"enabled": True})
    assert again == {"code": 400, "message": f"Resource {resource} Not Found"}


def test_a_resource_that_cannot_be_is_refused_in_words(api):
    missing = api.post("/resources", {"type": "web_hook", "config": {}})
    assert missing["message"] == 'Bad Arguments: {required_field_missing,<<"url">>}'
    assert api.post("/resources", {"type": "x", "config": {}})["message"] == (
        "Resource Type x Not Found"
    )
    bridge = {"type": "bridge_mqtt", "config": {"address": "nowhere:port"}}
    assert "address" in api.post("/resources", bridge)["message"]
    file = {"type": "bridge_mqtt", "config": {"ssl": True, "certfile": "/nowhere"}}
    assert "certfile" in api.post("/resources", file)["message"]
    assert api.get("/resources")["data"] == []
    resource = a_resource(api)
    twice = {"type": "web_hook", "config": NOTHING_THERE, "id": resource}
    assert api.post("/resources", twice) == {"code": 400, "message": "Already Exists"}
    assert api.put("/resources/none", {}) == {"code": 400, "message": "Resource not found:none"}
    for method, path in (("GET", "/resource_status/none"), ("POST", "/resources/none")):
        answer = api.ask(method, f"/api/v4{path}").json
        assert answer == {"code": 400, "message": "Resource none Not Found"}
    assert api.get("/resources/none") == {"code": 404, "message": "Not Found"}


def test_a_target_is_tried_without_being_kept(api, listening):
    there = {"type": "web_hook", "config": {"url": f"http://127.0.0.1:{listening}"}, "test": True}
    assert api.post("/resources", there) == {"code": 0}
    down = api.post("/resources?test=true", {"type": "web_hook", "config": NOTHING_THERE})
    assert (down["code"], down["message"][:31]) == (400, "Bad Arguments: {resource_down,C")
    assert api.get("/resources")["data"] == []


def test_a_resource_is_connected_anew(api, listening):
    resource = a_resource(api)
    answer = api.post(f"/resources/{resource}")
    assert answer == {"code": 500, "message": "Init resource failure!"}
    url = f"http://127.0.0.1:{listening}"
    assert api.put(f"/resources/{resource}", {"config": {"url": url}}) == {"code": 0}
    assert api.post(f"/resources/{resource}") == {"code": 0}


def test_events_tell_their_columns(api):
    events = {row["event"]: row for row in api.get("/rule_events")["data"]}
    assert {"$events/client_connected", "$events/message_delivered"} <= set(events)
    one = events["$events/client_connected"]
    assert "clientid" in one["columns"] and "clientid" in one["test_columns"]
    assert set(one) == {
        "event",
        "title",
        "description",
        "test_columns",
        "columns",
        "sql_example",
    }


def test_plugins_take_their_kinds_with_them(api):
    plugin = f"/nodes/{NODE}/plugins"
    assert api.put(f"{plugin}/emqx_web_hook/unload") == {"code": 0}
    kinds = {row["name"] for row in api.get("/resource_types")["data"]}
    assert {one.name for one in RESOURCE_TYPES} - kinds == {"web_hook"}
    assert "data_to_webserver" not in [row["name"] for row in api.get("/actions")["data"]]
    assert api.put(f"{plugin}/emqx_web_hook/load") == {"code": 0}
    assert len(api.get("/resource_types")["data"]) == len(RESOURCE_TYPES)
    assert api.put(f"{plugin}/emqx_rule_engine/unload") == {"code": 0}
    assert api.ask("GET", "/api/v4/rules").status_code == 404
    assert api.ask("GET", "/api/v3/rules").status_code == 404


def test_the_third_generation_lists_rules_without_pages(api):
    made = a_rule(api)
    answer = api.ask("GET", "/api/v3/rules").json
    assert answer == {"code": 0, "data": [made]}
    assert api.ask("GET", f"/api/v3/rules/{made['id']}").json["data"] == made
    assert api.ask("GET", "/api/v3/resource_types").json["code"] == 0


def test_secrets_of_a_resource_are_shown_to_nobody_and_kept_when_the_mask_comes_back(api):
    resource = a_resource(api, headers={"Authorization": "Bearer x", "accept": "text"})
    path = f"/resources/{resource}"
    shown = api.get(path)["data"]["config"]
    assert shown["headers"] == {"Authorization": "******", "accept": "text"}
    assert "Bearer" not in str(api.get("/resources"))
    shown["headers"]["accept"] = "json"
    assert api.put(path, {"config": shown})["code"] == 0
    kept = api.services.resources.get(resource).config
    assert kept["headers"] == {"Authorization": "Bearer x", "accept": "json"}
