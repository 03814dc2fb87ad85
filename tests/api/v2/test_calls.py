"""What the second generation's calls answer beyond their shape: pages, errors, what they do."""

from __future__ import annotations

import pytest

from app.broker.alarms import AlarmRecord
from app.broker.records import SubscriptionRecord
from app.node.proxy import PublishCommand, SubscribeCommand
from tests.harness.fake_nodes import NODE, a_client, a_listener

OK = {"code": 0, "result": []}
PARAMS_ERROR = {"code": 107, "message": "params error"}
TYPE_ERROR = {"code": 108, "message": "params type error"}


@pytest.fixture
def ask(api):
    """Make a call; an answer must be JSON with status 200."""

    def make(method, path, body=None, **options):
        answer = api.ask(method, "/api/v2" + path, json=body, **options)
        assert (answer.status_code, answer.content_type) == (200, "application/json"), answer.data
        return answer.json

    return make


def test_clients_are_those_that_are_connected_and_sessions_are_all(ask):
    clients = ask("GET", f"/nodes/{NODE}/clients")["result"]
    sessions = ask("GET", f"/nodes/{NODE}/sessions")["result"]
    assert [row["client_id"] for row in clients["objects"]] == ["c1"]
    assert [row["client_id"] for row in sessions["objects"]] == ["c1", "site/1 ü"]
    assert (clients["total_num"], sessions["total_num"]) == (1, 2)
    assert ask("GET", "/clients/site%2F1%20%C3%BC")["result"] == {"objects": []}
    assert len(ask("GET", "/sessions/site%2F1%20%C3%BC")["result"]["objects"]) == 1


def test_pages_are_counted_and_the_last_one_may_be_short(api, ask):
    api.node.client_records = [a_client(f"c{number}") for number in range(5)]
    result = ask("GET", f"/nodes/{NODE}/clients?curr_page=3&page_size=2")["result"]
    assert [row["client_id"] for row in result.pop("objects")] == ["c4"]
    assert result == {"current_page": 3, "page_size": 2, "total_num": 5, "total_page": 3}


def test_a_page_has_twenty_rows_unless_it_is_said(api, ask):
    api.node.client_records = [a_client(f"c{number}") for number in range(25)]
    assert len(ask("GET", f"/nodes/{NODE}/clients")["result"]["objects"]) == 20


@pytest.mark.parametrize("query", ["curr_page=x", "page_size=x", "page_size=0", "page_size=-1"])
def test_a_page_that_is_none_is_404_without_a_word(api, query):
    answer = api.ask("GET", f"/api/v2/nodes/{NODE}/clients?{query}")
    assert (answer.status_code, answer.content_type, answer.data) == (404, "text/plain", b"")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("DELETE", "/routes"), ("PATCH", "/users"), ("GET", "")]
)
def test_what_is_not_in_the_table_is_404_without_a_word(api, method, path):
    answer = api.ask(method, "/api/v2" + path)
    assert (answer.status_code, answer.content_type, answer.data) == (404, "text/plain", b"")


def test_a_node_that_is_none_cannot_be_reached(ask):
    assert ask("GET", "/monitoring/stats/nobody@nowhere") == {"code": 101, "message": "badrpc"}


def test_the_topic_of_a_route_may_stand_in_the_path_as_it_is(ask):
    for path in ("/routes/a/b/c", "/routers/a/b/c", "/routes/a%2Fb%2Fc"):
        assert ask("GET", path)["result"]["objects"] == [{"topic": "a/b/c", "node": NODE}]
    assert ask("GET", "/routes//a/b/c")["result"]["objects"] == []


def test_shared_subscriptions_are_shown_by_their_inner_filter(api, ask):
    api.node.subscription_records = [SubscriptionRecord(NODE, "c1", "$share/g/a/+", 1, "g")]
    rows = ask("GET", "/subscriptions/c1")["result"]["objects"]
    assert rows == [{"client_id": "c1", "topic": "a/+", "qos": 1}]


def test_a_message_is_published_to_one_topic_commas_and_all(api, ask):
    assert ask("POST", "/mqtt/publish", {"topic": "a,b", "payload": "x"}) == OK
    whole = {"topic": "t", "payload": "y", "qos": 2, "retain": True, "client_id": "me"}
    assert ask("POST", "/mqtt/publish", whole) == OK
    assert api.node.commands == [
        ("publish", PublishCommand("a,b", b"x", clientid="http")),
        ("publish", PublishCommand("t", b"y", 2, True, "me")),
    ]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, PARAMS_ERROR),
        ([], PARAMS_ERROR),
        ({"topic": 1}, TYPE_ERROR),
        ({"topic": "t", "payload": {}}, TYPE_ERROR),
        ({"topic": "t", "qos": 3}, TYPE_ERROR),
        ({"topic": "t", "qos": True}, TYPE_ERROR),
        ({"topic": "t", "qos": "1"}, TYPE_ERROR),
        ({"topic": "t", "retain": 1}, TYPE_ERROR),
        ({"topic": "a/#"}, {"code": 102, "message": "validate topic: a/# fail"}),
    ],
)
def test_what_cannot_be_published_is_said_in_emq_s_words(api, ask, body, answer):
    assert ask("POST", "/mqtt/publish", body) == answer
    assert api.node.commands == []


def test_the_query_string_says_nothing_to_calls_that_have_a_body(ask):
    assert ask("POST", "/mqtt/publish?topic=t&payload=x") == PARAMS_ERROR


def test_a_body_that_is_no_json_has_a_code_of_its_own(api):
    answer = api.ask("POST", "/api/v2/mqtt/publish", data=b"{")
    assert (answer.status_code, answer.json) == (200, {"code": 109, "message": "Body not json"})


def test_a_client_is_subscribed_and_unsubscribed(api, ask):
    body = {"topic": "t/#", "qos": 1, "client_id": "c1"}
    assert ask("POST", "/mqtt/subscribe", body) == OK
    assert ask("POST", "/mqtt/unsubscribe", body) == OK
    assert api.node.commands == [
        ("subscribe", "c1", SubscribeCommand("t/#", 1)),
        ("unsubscribe", "c1", "t/#"),
    ]


@pytest.mark.parametrize("act", ["subscribe", "unsubscribe"])
def test_who_is_not_known_cannot_be_subscribed(ask, act):
    answer = ask("POST", f"/mqtt/{act}", {"topic": "t", "client_id": "x"})
    assert answer == {"code": 102, "message": "Clientid: x not found"}
    assert ask("POST", f"/mqtt/{act}", {"topic": 1}) == PARAMS_ERROR
    assert ask("POST", f"/mqtt/{act}", {"topic": 1, "client_id": "x"}) == TYPE_ERROR
    answer = ask("POST", f"/mqtt/{act}", {"topic": "a/#/b", "client_id": "c1"})
    assert answer == {"code": 102, "message": "validate topic: a/#/b fail"}


def test_only_who_is_connected_can_be_kicked(api, ask):
    assert ask("DELETE", "/clients/c1") == OK
    assert ask("DELETE", "/clients/site%2F1%20%C3%BC")["code"] == 112
    assert [command for command in api.node.commands if command[0] == "kick"] == [("kick", "c1")]


def test_listeners_have_emq_s_names(api, ask):
    protocols = ["mqtt:ws:8083", "http:management", "http:dashboard", "mqtt:tcp"]
    api.node.listener_records = [a_listener(protocol=name) for name in protocols]
    rows = ask("GET", f"/monitoring/listeners/{NODE}")["result"]
    assert [row["protocol"] for row in rows] == [
        "mqtt:ws",
        "mqtt:api",
        "dashboard:http",
        "mqtt:tcp",
    ]


def test_alarms_that_are_over_are_not_shown(api, ask):
    api.node.alarm_records = [
        AlarmRecord("high", "too much", 1_700_000_000_000_000),
        AlarmRecord("old", "was", 1, deactivate_at_us=2),
    ]
    (row,) = ask("GET", f"/nodes/{NODE}/alarms")["result"]
    assert (row["id"], row["title"], row["summary"]) == ("high", "high", "too much")


def test_counters_of_emq_are_sums_of_ours(api, ask):
    api.node.metric_values["messages.dropped.receive_maximum"] = 2
    api.node.metric_values["messages.dropped.await_pubrel_timeout"] = 3
    assert ask("GET", f"/monitoring/metrics/{NODE}")["result"]["messages/qos2/dropped"] == 5
    assert ask("GET", "/monitoring/metrics")["result"]["messages/qos2/dropped"] == 5
    api.node.stat_values["live_connections.count"] = 7
    assert ask("GET", f"/monitoring/stats/{NODE}")["result"]["clients/count"] == 7


def test_a_plugin_is_switched_and_says_when_it_already_is(ask):
    path = f"/nodes/{NODE}/plugins/emqx_auth_mnesia"
    assert ask("PUT", path, {"active": True}) == OK
    assert ask("PUT", path, {"active": True}) == {"code": 110, "message": "already_started"}
    assert ask("PUT", path, {"active": False}) == OK
    assert ask("PUT", path, {"active": False}) == {"code": 111, "message": "not_started"}
    assert ask("PUT", path, {"active": "yes"}) == TYPE_ERROR
    unknown = ask("PUT", f"/nodes/{NODE}/plugins/none", {"active": True})
    assert unknown == {"code": 102, "message": "unknown"}


def test_a_setting_is_changed_by_the_name_that_emq_2_has_for_it(ask):
    assert (
        ask("PUT", "/configs/emqttd", {"key": "mqtt.acl_deny_action", "value": "disconnect"}) == OK
    )
    (row,) = [
        row
        for row in ask("GET", f"/nodes/{NODE}/configs")["result"]
        if row["key"] == "acl_deny_action"
    ]
    assert row == {
        "key": "acl_deny_action",
        "value": "disconnect",
        "datatpye": "enum",
        "app": "emqx",
    }


def test_a_setting_that_cannot_be_changed_is_an_error_that_says_why(ask):
    path = f"/nodes/{NODE}/configs/emqttd"
    unknown = ask("PUT", path, {"key": "no.such", "value": "1"})
    assert unknown == {"code": 102, "message": "unknown setting no.such"}
    assert ask("PUT", path, {"key": "node.name", "value": "a@b"})["code"] == 102
    assert ask("PUT", path, {"key": "mqtt.max_topic_levels", "value": "x"})["code"] == 102
    assert ask("PUT", path, {"key": "mqtt.max_topic_levels"}) == PARAMS_ERROR
    assert ask("PUT", path, {"key": "mqtt.max_topic_levels", "value": 1}) == TYPE_ERROR
