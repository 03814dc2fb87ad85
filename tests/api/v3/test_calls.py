"""What the third generation's calls answer beyond their shape, and where they differ from the fourth's."""

from __future__ import annotations

import re

import pytest

from app.broker.alarms import AlarmRecord
from app.config import ManagementSettings
from app.node.proxy import PublishCommand
from tests.harness.fake_nodes import NODE, a_client, a_listener

AWAY = "/site%2F1%20%C3%BC"


@pytest.fixture
def ask(api):
    """Make a call; an answer must be JSON with status 200."""

    def make(method, path, body=None, **options):
        answer = api.ask(method, "/api/v3" + path, json=body, **options)
        assert (answer.status_code, answer.content_type) == (200, "application/json"), answer.data
        return answer.json

    return make


def test_connections_are_those_that_are_there_and_sessions_are_all(ask):
    connections, sessions = ask("GET", "/connections"), ask("GET", "/sessions")
    assert [row["client_id"] for row in connections["data"]] == ["c1"]
    assert connections["meta"] == {"page": 1, "limit": 10_000, "count": 1}
    assert sessions["meta"]["count"] == 2
    assert ask("GET", "/connections" + AWAY)["data"] == []
    assert len(ask("GET", "/sessions" + AWAY)["data"]) == 1


def test_connections_are_found_by_their_user_s_name(ask):
    for prefix in ("", f"/nodes/{NODE}"):
        (row,) = ask("GET", prefix + "/connection/username/u1")["data"]
        assert row["client_id"] == "c1"
        assert ask("GET", prefix + "/connection/username/nobody")["data"] == []


def test_a_connection_shows_its_will_its_rights_and_whether_it_speaks_tls(api, ask):
    api.node.client_records = [
        a_client("plain"),
        a_client("tls", is_tls=True, is_superuser=True, will_topic="gone"),
    ]
    plain, tls = ask("GET", "/connections")["data"]
    shown = ("peercert", "is_super", "will_topic")
    assert [plain[name] for name in shown] == ["nossl", False, "undefined"]
    assert [tls[name] for name in shown] == ["undefined", True, "gone"]


def test_only_who_is_connected_can_be_kicked(api, ask):
    assert ask("DELETE", "/connections/c1") == {"code": 0}
    assert ask("DELETE", "/connections" + AWAY) == {"code": 112, "message": "not_found"}
    assert [command for command in api.node.commands if command[0] == "kick"] == [("kick", "c1")]


@pytest.mark.parametrize("prefix", ["", f"/nodes/{NODE}"])
def test_only_sessions_without_a_client_are_cleaned(api, ask, prefix):
    path = prefix + "/sessions/persistent"
    assert ask("DELETE", path + "/c1") == {"message": "running_session"}
    assert ask("DELETE", path + "/nobody") == {"message": "not_found"}
    assert ask("DELETE", path + AWAY) == {"code": 0}
    assert ("kick", "site/1 ü") in api.node.commands


def test_the_topic_of_a_route_may_stand_in_the_path_as_it_is(ask):
    for path in ("/routes/a/b/c", "/routes/a%2Fb%2Fc"):
        assert ask("GET", path)["data"] == [{"topic": "a/b/c", "node": NODE}]
    assert ask("GET", "/routes//a/b/c")["data"] == []


def test_a_message_is_published_without_what_came_later(api, ask):
    body = {
        "topics": "a,b",
        "payload": "eA==",
        "encoding": "base64",
        "client_id": "me",
        "return": 1,
    }
    assert ask("POST", "/mqtt/publish", body) == {"code": 0}
    assert api.node.commands == [
        ("publish", *(PublishCommand(topic, b"eA==", clientid="me") for topic in "ab"))
    ]
    assert ask("POST", "/mqtt/publish", {"topics": ""}) == {"code": 115, "message": "bad_topic"}


@pytest.mark.parametrize("act", ["subscribe", "unsubscribe"])
def test_who_is_not_known_cannot_be_subscribed(ask, act):
    answer = ask("POST", f"/mqtt/{act}", {"topic": "t", "client_id": "x"})
    assert answer == {"code": 112, "message": "session_not_found"}


@pytest.mark.parametrize("act", ["subscribe", "unsubscribe", "publish"])
def test_a_batch_tells_what_became_of_each_item(ask, act):
    items = [{"client_id": "c1", "topic": "t"}, {"client_id": "x", "topic": "t"}, 7, {}]
    first, unknown, number, nothing = ask("POST", f"/mqtt/{act}_batch", items)["data"]
    assert first == {"client_id": "c1", "topic": "t", "code": 0}
    assert unknown["code"] == (0 if act == "publish" else 112)
    assert number == {"code": 108, "message": "bad_params"}
    assert nothing["code"] in (108, 115)


def test_a_batch_calls_topics_as_the_request_does(ask):
    items = [{"client_id": "c1", "topics": "a,b"}]
    (row,) = ask("POST", "/mqtt/publish_batch", items)["data"]
    assert row == {"client_id": "c1", "topics": "a,b", "code": 0}
    assert ask("POST", "/mqtt/publish_batch", {})["code"] == 108


def test_bans_have_their_own_words(api, ask):
    ban = {"who": "10.0.0.1", "as": "ip_address", "reason": "why", "desc": "since when"}
    assert ask("POST", "/banned", ban) == {"code": 0, "data": ban}
    (row,) = ask("GET", "/banned")["data"]
    assert row == {
        "who": "10.0.0.1",
        "as": "ip_address",
        "by": "user",
        "reason": "why",
        "desc": "since when",
        "until": "infinity",
    }
    assert ask("DELETE", "/banned/10.0.0.1", {"as": "ip_address"}) == {"code": 0}
    assert ask("GET", "/banned")["data"] == []


def test_a_ban_needs_to_say_whom_it_is_about(ask):
    missing = {"code": 107, "message": "missing mandatory params: ['who', 'as']"}
    kinds = "value of 'as' must be one of: ['client_id', 'username', 'ip_address']"
    assert ask("POST", "/banned", {"who": "x"}) == missing
    assert ask("POST", "/banned", {"who": "x", "as": "clientid"}) == {"code": 108, "message": kinds}
    assert ask("POST", "/banned", {"who": "x", "as": []}) == {"code": 108, "message": kinds}
    answer = ask("DELETE", "/banned/x")
    assert answer == {"code": 107, "message": "missing mandatory params: ['as']"}


def test_an_application_that_is_there_is_spelt_as_emq_x_does(ask):
    app = {"app_id": "a", "name": "n", "status": True}
    assert "secret" in ask("POST", "/apps", app)["data"]
    assert ask("POST", "/apps", app) == {"message": "alread_existed"}


def test_listeners_of_websocket_have_no_port_in_their_name(api, ask):
    api.node.listener_records = [a_listener(protocol="mqtt:wss:8084")]
    assert ask("GET", "/listeners")["data"][0]["listeners"][0]["protocol"] == "mqtt:wss"


def test_alarms_are_present_or_history(api, ask):
    api.node.alarm_records = [
        AlarmRecord("high", "too much", 1_700_000_000_000_000),
        AlarmRecord("old", "was", 1_000_000, deactivate_at_us=2_000_000),
    ]
    (alarm,) = ask("GET", f"/alarms/{NODE}")["data"]
    assert (alarm["id"], alarm["summary"]) == ("high", "too much")
    (present,) = ask("GET", "/alarms/present")["data"][0]["alarms"]
    assert (present["id"], present["desc"]["title"]) == ("high", "high")
    assert "clear_at" not in present
    (past,) = ask("GET", f"/alarms/history/{NODE}")["data"]
    assert (past["id"], "clear_at" in past) == ("old", True)


@pytest.mark.parametrize(
    ("management", "counter", "gauge"),
    [
        (ManagementSettings(), "packets/connect", "sessions/persistent/count"),
        (
            ManagementSettings(v3_names="dots"),
            "packets.connect.received",
            "sessions.persistent.count",
        ),
    ],
)
def test_counters_and_gauges_have_the_names_of_3_0_or_3_2(api, ask, counter, gauge):
    api.node.metric_values["packets.connect.received"] = 4
    api.node.stat_values["sessions.persistent.count"] = 2
    metrics = ask("GET", f"/nodes/{NODE}/metrics")["data"]
    assert metrics[counter] == 4
    # A program that writes them with underscores must not find one name twice.
    assert len({re.sub("[./]", "_", name) for name in metrics}) == len(metrics)
    (stats,) = ask("GET", "/stats")["data"]
    assert (stats.pop("node"), stats[gauge]) == (NODE, 2)
    assert len({"." in name for name in stats}) == 1


@pytest.mark.parametrize("management", [ManagementSettings(v3_names="both")])
def test_names_of_3_0_and_3_2_can_be_had_side_by_side(api, ask):
    api.node.metric_values["packets.connect.received"] = 4
    (row,) = ask("GET", "/metrics")["data"]
    metrics = row["metrics"]
    assert metrics["packets/connect"] == metrics["packets.connect.received"] == 4
    assert metrics["auth.mqtt.anonymous"] == 0
    stats = ask("GET", f"/nodes/{NODE}/stats")["data"]
    assert stats["sessions/persistent/count"] == stats["sessions.persistent.count"]


def test_a_plugin_s_refusals_have_one_code(ask):
    path = f"/nodes/{NODE}/plugins/emqx_auth_mnesia"
    assert ask("PUT", path + "/load") == {"code": 0}
    assert ask("PUT", path + "/load") == {"code": 102, "message": "already_started"}
    assert ask("PUT", path + "/reload") == {"code": 0}
    assert ask("PUT", "/plugins/emqx_auth_mnesia/unload") == {"code": 0}
    answer = ask("PUT", "/plugins/emqx_auth_mnesia/unload")
    assert answer == {"code": 101, "message": "not_started"}


@pytest.mark.parametrize("query", ["_page=x", "_limit=x", "_limit=-1"])
def test_a_page_that_is_none_is_refused(ask, query):
    assert ask("GET", f"/connections?{query}")["code"] == 108


def test_a_body_that_is_no_json_is_400_and_what_is_unknown_404(api):
    answer = api.ask("POST", "/api/v3/mqtt/publish", data=b"{")
    assert (answer.status_code, answer.data) == (400, b"Bad Request")
    for path in ("/nope", "/nodes/nobody@nowhere"):
        answer = api.ask("GET", "/api/v3" + path)
        assert (answer.status_code, answer.data) == (404, b"Not found.")


def test_a_setting_is_changed_or_says_why_not(ask):
    path = f"/nodes/{NODE}/configs/emqx"
    assert ask("PUT", path, {"key": "mqtt.max_topic_levels", "value": 7}) == {"code": 0}
    rows = ask("GET", "/configs")["data"][NODE]
    assert ("mqtt.max_topic_levels", "7") in [(row["key"], row["value"]) for row in rows]
    assert ask("PUT", path, {"key": "node.name", "value": "a@b"})["code"] == 108
    assert ask("PUT", path, {"key": 1, "value": 1})["code"] == 108
    assert ask("PUT", path, {})["code"] == 107


@pytest.mark.parametrize("kind", ["username", "clientid"])
def test_logins_of_mqtt_clients_are_there_while_their_plugin_runs(api, ask, kind):
    room = f"/auth_{kind}"
    assert api.ask("GET", "/api/v3" + room).status_code == 404
    ask("PUT", f"/nodes/{NODE}/plugins/emqx_auth_mnesia/load")
    assert ask("POST", room, {kind: "eve", "password": "plain"}) == {"code": 0}
    assert ask("GET", room)["data"] == ["eve"]
    assert ask("GET", room + "/eve")["data"] == {kind: "eve"}
    assert ask("PUT", room + "/eve", {"password": "other"}) == {"code": 0}
    assert ask("DELETE", room + "/eve") == {"code": 0}
    assert ask("GET", room + "/eve")["data"] == {}


@pytest.mark.parametrize("management", [ManagementSettings(strict_status=True)])
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v2/mqtt/subscribe", {"client_id": "nobody", "topic": "t"}, 404),
        ("/api/v3/mqtt/subscribe", {"client_id": "nobody", "topic": "t"}, 404),
        ("/api/v2/mqtt/publish", {"topic": "a/#", "payload": "x"}, 400),
    ],
)
def test_a_strict_caller_of_the_older_generations_is_told_whose_mistake_it_was(
    api, path, body, status
):
    assert api.ask("POST", path, json=body).status_code == status
