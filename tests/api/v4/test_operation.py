"""What an operator at the machine asks for, and how he gets in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app.broker.message import Message
from app.local_login import OPERATOR_PREFIX

OK = {"code": 0}


@pytest.fixture
def operator(api: Any) -> tuple[str, str]:
    """Credentials of somebody at the machine."""
    return OPERATOR_PREFIX + "alice", api.services.operation.local_login._secret


@pytest.fixture
def root_level() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


def retain(api: Any, *topics: str) -> None:
    store = api.services.operation.retainer._store
    for topic in topics:
        store.on_publish(Message(topic=topic, payload=b"1", qos=0, retain=True, timestamp_ms=0))


# -- the way in ------------------------------------------------------------------------------------


def test_an_operator_at_the_machine_is_let_in(api: Any, operator: tuple[str, str]) -> None:
    assert api.get("/nodes", auth=operator)["code"] == 0
    assert api.get("/users", auth=operator)["data"][0]["username"] == "admin"


def test_from_elsewhere_the_secret_of_the_machine_is_nothing(
    api: Any, operator: tuple[str, str]
) -> None:
    for far in (
        {"environ_base": {"REMOTE_ADDR": "10.0.0.7"}},
        {"headers": {"X-Forwarded-For": "127.0.0.1"}},
        {"base_url": "http://evil.example.org"},
    ):
        assert api.ask("GET", "/api/v4/nodes", auth=operator, **far).status_code == 401


def test_a_wrong_secret_is_refused(api: Any, operator: tuple[str, str]) -> None:
    assert api.ask("GET", "/api/v4/nodes", auth=(operator[0], "guessed")).status_code == 401


def test_what_an_operator_changes_is_in_the_audit_log_as_his(
    api: Any, operator: tuple[str, str]
) -> None:
    body = {"username": "bob", "password": "s3cret-of-bob"}
    assert api.post("/users", body, auth=operator) == OK
    row = api.get("/audit?action=user.create&_limit=1")["data"][0]
    assert (row["kind"], row["actor"], row["target"]) == ("cli", "alice", "bob")


def test_an_operator_resets_a_password_without_the_old_one(
    api: Any, operator: tuple[str, str]
) -> None:
    new = "an0ther-password"
    assert api.put("/users/admin/password", {"password": new}, auth=operator) == OK
    api.services.users.authenticate("admin", new, from_loopback=False)


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("admin", {}, "Password undefined"),
        ("admin", {"password": "short"}, "The password length: 8-64"),
        ("nobody", {"password": "an0ther-password"}, "Username Not Found"),
    ],
)
def test_a_password_that_cannot_be_is_refused(
    api: Any, operator: tuple[str, str], name: str, body: dict[str, str], message: str
) -> None:
    assert api.put(f"/users/{name}/password", body, auth=operator) == {"message": message}


def test_an_application_cannot_touch_the_dashboard_s_users(api: Any) -> None:
    body = {"password": "an0ther-password"}
    assert api.ask("PUT", "/api/v4/users/admin/password", json=body).status_code == 404


# -- listeners -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["stop", "start"])
def test_a_listener_is_stopped_and_started(api: Any, verb: str) -> None:
    identifier = api.node.listener_records[0].identifier
    assert api.put(f"/listeners/{identifier}/{verb}") == OK
    assert api.node.commands[-1] == (f"{verb}_listener", identifier)
    assert api.put(f"/listeners/mqtt:tcp:none/{verb}") == {"message": f"{{{verb},[not_found]}}"}


def test_a_listener_that_cannot_start_says_why(api: Any) -> None:
    api.node.failure = OSError(98, "Address already in use")
    answer = api.put(f"/listeners/{api.node.listener_records[0].identifier}/start")
    assert "Address already in use" in answer["message"]


def test_the_listener_that_answers_is_not_stopped(api: Any) -> None:
    assert api.ask("PUT", "/api/v4/listeners/http:management/stop").status_code == 403


# -- retained messages -----------------------------------------------------------------------------


def test_retained_messages_are_counted_and_listed_by_topic(api: Any) -> None:
    retain(api, "b", "a/1", "a/2")
    assert api.get("/retainer")["data"] == {"retained": 3}
    assert api.get("/retainer/topics")["data"] == ["b", "a/1", "a/2"]
    assert api.get("/retainer/topics/a%2F%2B")["data"] == ["a/1", "a/2"]


def test_retained_messages_are_cleaned_by_a_filter_or_all(api: Any) -> None:
    retain(api, "b", "a/1", "a/2")
    assert api.delete("/retainer/topics/a%2F%23")["data"] == {"cleaned": 2}
    assert api.get("/retainer/topics")["data"] == ["b"]
    assert api.delete("/retainer/topics")["data"] == {"cleaned": 1}
    assert api.get("/retainer")["data"] == {"retained": 0}
    row = api.get("/audit?action=retainer.clean&_limit=2")["data"][1]
    assert row["target"] == "a/#"


def test_many_retained_messages_are_cleaned_in_pieces(api: Any) -> None:
    retain(api, *(f"t/{number}" for number in range(2_500)))
    assert len(api.get("/retainer/topics")["data"]) == 2_500
    assert api.delete("/retainer/topics")["data"] == {"cleaned": 2_500}


def test_a_filter_that_is_none_is_refused(api: Any) -> None:
    assert api.get("/retainer/topics/a%23")["code"] == 115


# -- the log ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("root_level")
@pytest.mark.parametrize(("word", "level"), [("debug", "debug"), ("notice", "info")])
def test_the_log_says_more_or_less_at_once(api: Any, word: str, level: str) -> None:
    assert api.put("/log/level", {"level": word})["data"] == {"level": level}
    assert api.get("/log/level")["data"] == {"level": level}
    assert logging.getLevelName(logging.getLogger().level) == level.upper()


@pytest.mark.parametrize(("body", "code"), [({}, 107), ({"level": "loud"}, 108)])
def test_a_level_that_is_none_is_refused(api: Any, body: dict[str, str], code: int) -> None:
    assert api.put("/log/level", body)["code"] == code


# -- machine and database --------------------------------------------------------------------------


def test_the_process_is_shown_by_sections(api: Any) -> None:
    facts = api.get("/vm")["data"]
    assert list(facts) == ["load", "memory", "process", "io", "ports"]
    assert facts["memory"]["total"] > 1_000_000
    assert 0 < facts["io"]["active_fds"] < facts["io"]["max_fds"]


def test_the_database_is_shown_with_the_rows_of_its_tables(api: Any) -> None:
    facts = api.get("/database")["data"]
    assert facts["backend"] == "sqlite"
    assert facts["version"].startswith("3.")
    assert facts["size"] > 0
    assert 1 in facts["tables"].values()


def test_the_database_is_for_administrators(api: Any, operator: tuple[str, str]) -> None:
    made = {"app_id": "eyes", "name": "e", "status": True, "permission": "read_only"}
    secret = api.post("/apps", made)["data"]["secret"]
    assert api.ask("GET", "/api/v4/vm", auth=("eyes", secret)).status_code == 200
    assert api.ask("GET", "/api/v4/database", auth=("eyes", secret)).status_code == 403
    assert api.get("/database", auth=operator)["code"] == 0


def test_retained_messages_are_listed_searched_and_shown(api: Any) -> None:
    retain(api, "b/2", "a/1", "a/2")
    listed = api.get("/retainer/messages?_page=2&_limit=2")
    assert listed["meta"] == {"page": 2, "limit": 2, "count": 3, "hasnext": False}
    assert [row["topic"] for row in listed["data"]] == ["a/2"]
    assert [row["topic"] for row in api.get("/retainer/messages?topic=a/%23")["data"]] == [
        "a/1",
        "a/2",
    ]
    shown = api.get("/retainer/message/a/1")["data"]
    assert shown.pop("payload") == "MQ=="
    assert shown["payload_size"] == 1
    assert shown in listed["data"] + api.get("/retainer/messages?topic=a/1")["data"]
    assert api.get("/retainer/message/a%2F3")["code"] == 404
    assert api.get("/retainer/messages?topic=a/%23/b")["code"] == 115


# -- delayed messages --------------------------------------------------------------------------------


def test_delayed_messages_are_listed_shown_and_cancelled(api: Any) -> None:
    store = api.services.operation.delayed._delayed
    for number in range(3):
        store.take(Message(f"$delayed/60/t/{number}", b"on", 1, False, 1_000, "c1"))
    listed = api.get("/delayed?_page=2&_limit=2")
    assert listed["meta"] == {"page": 2, "limit": 2, "count": 3}
    (row,) = listed["data"]
    assert (row["topic"], row["payload"], row["clientid"]) == ("t/2", "b24=", "c1")
    assert (row["username"], row["published_at"], row["qos"]) == ("undefined", 1_000, 1)
    assert api.get(f"/delayed/{row['id']}")["data"] == row
    assert api.delete(f"/delayed/{row['id']}") == OK
    assert api.delete(f"/delayed/{row['id']}")["code"] == 404
    assert api.get(f"/delayed/{row['id']}")["code"] == 404
    assert api.get("/delayed?_limit=10000")["meta"] == {"page": 1, "limit": 1_000, "count": 2}
