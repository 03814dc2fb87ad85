"""Topic metrics, slow subscriptions, traces and telemetry through the API, over engines that run on a broker."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from app.broker.slow_subs import SlowSubsConfig
from app.mqtt.packets import Puback, Publish
from tests.harness.fake_nodes import NODE
from tests.harness.playbook import Playbook

OK = {"code": 0}
OFF = {"message": "module_not_loaded"}


@pytest.fixture
def playbook() -> Playbook:
    """The broker that the engines look at."""
    return Playbook()


# -- modules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("emqx_mod_topic_metrics", "/topic-metrics"),
        ("emqx_mod_slow_subs", "/slow_subscriptions"),
        ("emqx_mod_trace", "/trace"),
    ],
)
def test_a_module_switches_it_on_and_off(api: Any, module: str, path: str) -> None:
    assert api.get(path) == OFF
    assert api.put(f"/modules/{module}/load") == OK
    assert api.get(path) == {"data": [], "code": 0}
    assert api.put(f"/modules/{module}/unload") == OK
    assert api.get(path) == OFF


# -- topic metrics -----------------------------------------------------------------------------


@pytest.fixture
def counted(api: Any, playbook: Playbook) -> Any:
    """The API with topic metrics switched on."""
    service = api.services.observers.topic_metrics
    service.engine.start(playbook.core, service.stored(), 2)
    return api


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "topic-metrics"),
        ("GET", "topic-metrics/t"),
        ("POST", "topic-metrics"),
        ("DELETE", "topic-metrics/t"),
        ("DELETE", "topic-metrics"),
        ("GET", "slow_subscriptions"),
        ("DELETE", "slow_subscriptions"),
        ("GET", "trace"),
        ("POST", "trace"),
        ("DELETE", "trace"),
        ("DELETE", "trace/t"),
        ("PUT", "trace/t/stop"),
        ("GET", "trace/t/detail"),
        ("GET", "trace/t/download"),
        ("GET", "trace/t/log"),
    ],
)
def test_a_module_that_is_not_loaded_is_told(api: Any, method: str, path: str) -> None:
    answer = api.ask(method, f"/api/v4/{path}", json={"topic": "t"})
    assert (answer.status_code, answer.json) == (200, OFF)


def test_a_registered_topic_is_counted(counted: Any, playbook: Playbook) -> None:
    assert counted.get("/topic-metrics") == {"data": [], "code": 0}
    assert counted.post("/topic-metrics", {"topic": "a/b"}) == OK
    playbook.publish("a/b", qos=1)
    data = counted.get("/topic-metrics")["data"]
    assert [row["topic"] for row in data] == ["a/b"]
    assert data[0]["metrics"]["messages.qos1.in.count"] == 1
    assert counted.get("/topic-metrics/a%2Fb")["data"] == data[0]["metrics"]
    assert isinstance(data[0]["metrics"]["messages.in.rate"], float)


def test_a_topic_that_is_not_registered_has_an_empty_object(counted: Any) -> None:
    assert counted.get("/topic-metrics/none") == {"data": {}, "code": 0}


@pytest.mark.parametrize("topic", ["a/#", "+", "", "a\0"])
def test_a_filter_is_no_topic_name(counted: Any, topic: str) -> None:
    assert counted.post("/topic-metrics", {"topic": topic}) == {"message": "invalid_topic_name"}


def test_names_are_checked_in_paths_as_well(counted: Any) -> None:
    for method in ("GET", "DELETE"):
        answer = counted.ask(method, "/api/v4/topic-metrics/a%2F%23")
        assert answer.json == {"message": "invalid_topic_name"}
    assert counted.post("/topic-metrics", {}) == {"message": "missing_required_params"}


def test_registering_twice_or_beyond_the_quota_is_silent(counted: Any) -> None:
    for topic in ("a", "a", "b", "c"):
        assert counted.post("/topic-metrics", {"topic": topic}) == OK
    assert [row["topic"] for row in counted.get("/topic-metrics")["data"]] == ["a", "b"]


def test_registrations_are_kept_and_taken_away(counted: Any, playbook: Playbook) -> None:
    stored = counted.services.observers.topic_metrics.stored
    for topic in ("a", "b"):
        counted.post("/topic-metrics", {"topic": topic})
    assert sorted(stored()) == ["a", "b"]
    assert counted.delete("/topic-metrics/a") == OK
    assert counted.delete("/topic-metrics/a") == OK
    assert stored() == ["b"]
    assert counted.delete("/topic-metrics") == OK
    assert counted.delete("/topic-metrics") == OK
    assert stored() == []
    assert counted.get("/topic-metrics")["data"] == []


# -- slow subscriptions ------------------------------------------------------------------------


def test_slow_subscriptions_are_shown_and_cleared(api: Any, playbook: Playbook) -> None:
    api.services.observers.slow_subscriptions.engine.start(playbook.core, SlowSubsConfig())
    client = playbook.connect("c")
    client.subscribes("t", qos=1)
    playbook.advance(0.25)
    playbook.publish("t", qos=1)
    playbook.advance(1.5)
    for packet in client.receives():
        if isinstance(packet, Publish) and packet.packet_id:
            client.sends(Puback(packet.packet_id))
    assert api.get("/slow_subscriptions")["data"] == [
        {
            "clientid": "c",
            "node": NODE,
            "topic": "t",
            "timespan": 1500,
            "last_update_time": playbook.clock.wall_ms(),
        }
    ]
    assert api.delete("/slow_subscriptions") == OK
    assert api.get("/slow_subscriptions")["data"] == []


# -- traces ------------------------------------------------------------------------------------


@pytest.fixture
def traced(api: Any, playbook: Playbook) -> Any:
    """The API with traces switched on."""
    service = api.services.observers.traces
    service.engine.start(playbook.core, service.stored(), 1_000_000)
    yield api
    service.engine.stop()


def traces(api: Any) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = api.get("/trace")["data"]
    return data


def test_a_trace_is_made_read_and_deleted(traced: Any, playbook: Playbook) -> None:
    body = {"name": "t1", "type": "clientid", "clientid": "c"}
    assert traced.post("/trace", body) == OK
    playbook.connect("c").sends(Publish("t", b"hello"))
    [row] = traces(traced)
    size = row.pop("log_size")[NODE]
    assert size > 0
    assert {key: row[key] for key in ("name", "type", "clientid", "status")} == {
        **body,
        "status": "running",
    }
    [detail] = traced.get("/trace/t1/detail")["data"]
    assert (detail["node"], detail["size"]) == (NODE, size)
    assert detail["mtime"] > 0
    whole = traced.get(f"/trace/t1/log?node={NODE}&position=0&bytes=100000")["data"]
    assert "Payload=hello" in whole["items"]
    assert whole["meta"] == {"position": size, "bytes": 100_000}
    part = traced.get("/trace/t1/log?position=10&bytes=5")["data"]
    assert part == {"items": whole["items"][10:15], "meta": {"position": 15, "bytes": 5}}
    assert traced.delete("/trace/t1") == OK
    assert traces(traced) == []


def test_the_end_of_a_log_is_no_text(traced: Any) -> None:
    traced.post("/trace", {"name": "t1", "type": "topic", "topic": "a/#"})
    answer = traced.get("/trace/t1/log?position=7")["data"]
    assert answer == {"items": "", "meta": {"position": 0, "bytes": 1000}}
    assert traced.get("/trace/t1/detail")["data"] == [{"node": NODE, "size": 0, "mtime": 0}]


def test_a_log_is_downloaded_as_a_zip_file(traced: Any, playbook: Playbook) -> None:
    traced.post("/trace", {"name": "t1", "type": "ip_address", "ip_address": "127.0.0.1"})
    playbook.connect("c")
    answer = traced.ask("GET", "/api/v4/trace/t1/download")
    assert answer.content_type == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="t1.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        [name] = archive.namelist()
        assert name.startswith(f"{NODE}-trace_t1_")
        assert b"CONNECT" in archive.read(name)


def test_a_stopped_trace_stays_and_says_so(traced: Any, playbook: Playbook) -> None:
    traced.post("/trace", {"name": "t1", "type": "clientid", "clientid": "c"})
    assert traced.put("/trace/t1/stop")["data"] == {"name": "t1", "enable": False}
    assert traced.put("/trace/t1/stop")["code"] == 0
    assert traces(traced)[0]["status"] == "stopped"
    assert playbook.core.hooks.point("message.publish").callbacks == ()
    assert traced.services.observers.traces.stored() == []


def test_a_trace_waits_for_its_time_and_ends(traced: Any, clock: Any) -> None:
    times = {"start_at": "2023-11-14T22:20:00Z", "end_at": "2023-11-15T00:30:00+02:00"}
    body = {"name": "t1", "type": "clientid", "clientid": "c"}
    assert traced.post("/trace", {**body, **times}) == OK
    states = []
    for seconds in (0, 400, 800):
        clock.advance(seconds)
        states.append(traces(traced)[0]["status"])
    assert states == ["waiting", "running", "stopped"]


GOOD = {"name": "t1", "type": "clientid", "clientid": "c"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": None}, "name required"),
        ({"name": "../x"}, "Name should be ^[0-9A-Za-z]+[A-Za-z0-9-_]*$"),
        ({"name": "x" * 300}, "Name should be ^[0-9A-Za-z]+[A-Za-z0-9-_]*$"),
        ({"type": None}, "type=[topic,clientid,ip_address] required"),
        ({"type": "topic"}, "type=[topic,clientid,ip_address] required"),
        ({"type": "user", "user": "u"}, "type=[topic,clientid,ip_address] required"),
        ({"clientid": "a\0"}, "clientid invalid"),
        ({"type": "topic", "topic": "a/#/b"}, "topic: a/#/b invalid by "),
        ({"type": "ip_address", "ip_address": "1.2.3"}, "ip address: einval"),
        ({"end_at": "2020-01-01T00:00:00Z"}, "end_at time has already passed"),
        (
            {"start_at": "2030-01-01T00:00:00Z", "end_at": "2029-01-01T00:00:00Z"},
            "failed by start_at >= end_at",
        ),
        ({"end_at": "tomorrow"}, "The rfc3339 specification not satisfied: tomorrow"),
        (
            {"end_at": "2030-01-01T00:00:00"},
            "The rfc3339 specification not satisfied: 2030-01-01T00:00:00",
        ),
    ],
)
def test_what_is_no_trace_is_told_in_emqx_s_words(
    traced: Any, changes: dict[str, object], text: str
) -> None:
    answer = traced.post("/trace", {**GOOD, **changes})
    assert answer["code"] == "INCORRECT_PARAMS"
    assert answer["message"].startswith(text)
    assert traces(traced) == []


def test_doubles_are_refused(traced: Any) -> None:
    assert traced.post("/trace", GOOD) == OK
    assert traced.post("/trace", GOOD) == {
        "code": "ALREADY_EXISTED",
        "message": "t1Already Exists",
    }
    assert traced.post("/trace", {**GOOD, "name": "t2"}) == {
        "code": "DUPLICATE_CONDITION",
        "message": "t1Duplication Condition",
    }


def test_there_are_no_more_than_thirty(traced: Any) -> None:
    for number in range(30):
        traced.post("/trace", {"name": f"t{number}", "type": "clientid", "clientid": str(number)})
    assert traced.post("/trace", {**GOOD, "name": "one-more"})["code"] == "INCORRECT_PARAMS"
    assert len(traces(traced)) == 30
    assert traced.delete("/trace") == OK
    assert traced.delete("/trace") == OK
    assert traces(traced) == []


def test_an_unknown_trace_is_told(traced: Any) -> None:
    unknown = {"code": "NOT_FOUND", "message": "x NOT FOUND"}
    assert traced.delete("/trace/x") == unknown
    assert traced.put("/trace/x/stop") == unknown
    for tail in ("detail", "download", "log"):
        assert traced.get(f"/trace/x/{tail}") == {"message": "not_found"}


def test_a_log_of_another_node_or_by_no_number_is_refused(traced: Any) -> None:
    traced.post("/trace", GOOD)
    assert traced.get("/trace/t1/log?node=x@y") == {"message": "node not found"}
    assert traced.get("/trace/t1/log?position=x")["code"] == 108


def test_running_traces_go_on_after_a_start(traced: Any, playbook: Playbook) -> None:
    traced.post("/trace", GOOD)
    service = traced.services.observers.traces
    [spec] = service.stored()
    assert (spec.name, spec.type, spec.filter) == ("t1", "clientid", "c")
    assert spec.end_s - spec.start_s == 600


# -- telemetry ---------------------------------------------------------------------------------


def test_the_switch_of_telemetry_is_off_until_it_is_set(api: Any) -> None:
    assert api.get("/telemetry/status")["data"] == {"enabled": False}
    for enabled in (True, False):
        assert api.put("/telemetry/status", {"enabled": enabled}) == OK
        assert api.get("/telemetry/status")["data"] == {"enabled": enabled}


def test_a_switch_is_on_or_off(api: Any) -> None:
    assert api.put("/telemetry/status", {}) == {"message": "missing_required_params"}
    assert api.put("/telemetry/status", {"enabled": "yes"})["code"] == 108


def test_telemetry_tells_what_emqx_would_report(api: Any) -> None:
    data = api.get("/telemetry/data")["data"]
    assert data["license"] == {"edition": "community"}
    assert "emqx_mod_presence" in data["active_modules"]
    assert "emqx_mod_trace" not in data["active_modules"]
    assert isinstance(data["active_plugins"], list)
    assert data["nodes_uuid"] == []
    assert data["up_time"] == 15_679_000
    assert len(data["uuid"]) == 36
    assert api.get("/telemetry/data")["data"]["uuid"] == data["uuid"]
