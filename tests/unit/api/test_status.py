"""`GET /status` to the byte, and what probes hear of a node that is alive and not ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.api import status
from app.config import DatabaseSettings, Settings
from app.errors import ResultCode, ServiceError
from app.models import Database
from app.services.health import HealthService
from app.services.nodes import NodesService
from tests.harness.fake_nodes import FakeNode, FakeNodes


@pytest.fixture
def database(tmp_path: Path):
    database = Database(
        Settings(tmp_path, database=DatabaseSettings(url=f"sqlite:///{tmp_path}/a.db"))
    )
    yield database
    database.close()


def client_of(node: FakeNode, database: Database):
    app = Flask(__name__, static_folder=None)
    nodes = FakeNodes(node)
    health = HealthService(nodes, database)
    app.register_blueprint(status.create_blueprint(NodesService(nodes), health))
    return app.test_client()


@pytest.mark.parametrize(
    ("running", "code", "word"), [(True, 200, "running"), (False, 503, "not_running")]
)
def test_two_lines_tell_how_the_node_is(database, running, code, word):
    answer = client_of(FakeNode("a@h", running=running), database).get("/status")
    assert (answer.status_code, answer.content_type) == (code, "text/plain")
    assert answer.data == f"Node a@h is started\nemqx is {word}".encode()


def test_a_node_that_is_well_is_alive_and_ready(database):
    client = client_of(FakeNode("a@h"), database)
    live, ready = client.get("/health/live"), client.get("/health/ready")
    assert (live.status_code, live.json) == (200, {"status": "ok", "checks": {"loop": "ok"}})
    assert ready.status_code == 200
    assert ready.json == {
        "status": "ok",
        "checks": dict.fromkeys(("broker", "listeners", "storage", "newcomers", "database"), "ok"),
    }


@pytest.mark.parametrize("check", ["listeners", "storage", "newcomers"])
def test_what_is_wrong_makes_a_node_unready_and_leaves_it_alive(database, check):
    node = FakeNode("a@h")
    node.health[check] = False
    client = client_of(node, database)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["status"]) == (503, "failing")
    failing = [name for name, word in answer.json["checks"].items() if word == "failing"]
    assert failing == [check]
    assert client.get("/health/live").status_code == 200


def test_a_node_that_stops_is_not_ready(database):
    answer = client_of(FakeNode("a@h", running=False), database).get("/health/ready")
    assert (answer.status_code, answer.json["checks"]["broker"]) == (503, "failing")


def test_a_loop_that_does_not_answer_is_not_alive(database):
    node = FakeNode("a@h", failure=ServiceError(ResultCode.BADRPC, "timeout"))
    client = client_of(node, database)
    assert client.get("/health/live").status_code == 503
    assert client.get("/health/ready").status_code == 503


def test_a_database_out_of_reach_makes_a_node_unready_without_saying_where_it_is(tmp_path):
    url = f"sqlite:///{tmp_path}/no/such/folder/secret.db"
    database = Database(Settings(tmp_path, database=DatabaseSettings(url=url)))
    answer = client_of(FakeNode("a@h"), database).get("/health/ready")
    assert (answer.status_code, answer.json["checks"]["database"]) == (503, "failing")
    assert b"secret" not in answer.data
    database.close()


def test_a_database_that_stays_away_is_told_once_and_again_when_it_is_back(tmp_path, caplog):
    folder = tmp_path / "folder"
    url = f"sqlite:///{folder}/godwit.db"
    database = Database(Settings(tmp_path, database=DatabaseSettings(url=url)))
    client = client_of(FakeNode("a@h"), database)
    for _probe in range(3):
        assert client.get("/health/ready").status_code == 503
    folder.mkdir()
    for _probe in range(2):
        assert client.get("/health/ready").status_code == 200
    database.close()
    said = [record.getMessage() for record in caplog.records if record.name.endswith("health")]
    assert [line.split(":")[0] for line in said] == [
        "Not ready, since the database does not answer",
        "The database answers again",
    ]
