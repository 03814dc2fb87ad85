"""SCRAM users over the fourth generation."""

from __future__ import annotations

import pytest

from tests.harness.fake_nodes import NODE

WANTED = {"mechanism": "SCRAM-SHA-1", "username": "u 1", "password": "pw", "salt": "emqx"}
ONE = "/sasl?mechanism=SCRAM-SHA-1&username=u%201"


@pytest.fixture
def sasl(api):
    assert api.put(f"/nodes/{NODE}/plugins/emqx_sasl/load") == {"code": 0}
    return api


def test_the_calls_are_there_while_the_plugin_is(api):
    assert api.ask("GET", "/api/v4/sasl").status_code == 404
    api.put(f"/nodes/{NODE}/plugins/emqx_sasl/load")
    assert api.ask("GET", "/api/v4/sasl").status_code == 200
    api.put("/plugins/emqx_sasl/unload")
    assert api.ask("GET", "/api/v4/sasl").status_code == 404


def test_a_user_is_created_shown_changed_and_removed(sasl):
    assert sasl.post("/sasl", WANTED) == {"code": 0}
    assert sasl.post("/sasl", WANTED) == {"message": "already_existed"}
    shown = {"username": "u 1", "salt": "emqx", "iteration_count": 4096}
    assert sasl.get(ONE) == {"code": 0, "data": shown}
    changed = {**WANTED, "iteration_count": 5000, "is_superuser": True}
    assert sasl.put("/sasl", changed) == {"code": 0}
    assert sasl.get(ONE)["data"] == {**shown, "iteration_count": 5000, "is_superuser": True}
    assert sasl.delete(ONE) == {"code": 0}
    assert sasl.get(ONE) == {"message": "not_found"}


def test_names_are_listed_by_mechanism(sasl):
    sasl.post("/sasl", WANTED)
    everybody = [{"SCRAM-SHA-1": ["u 1"]}, {"SCRAM-SHA-256": []}, {"SCRAM-SHA-512": []}]
    assert sasl.get("/sasl")["data"] == everybody
    assert sasl.get("/sasl?mechanism=SCRAM-SHA-1")["data"] == everybody[0]
    assert sasl.get("/sasl?mechanism=PLAIN") == {"message": "unsupported_mechanism"}
    assert sasl.get("/sasl?mechanism") == {"message": "unsupported_mechanism"}


def test_a_user_may_be_named_in_the_body(sasl):
    sasl.post("/sasl", WANTED)
    who = {"mechanism": "SCRAM-SHA-1", "username": "u 1"}
    assert sasl.delete("/sasl", json=who) == {"code": 0}
    assert sasl.get("/sasl?mechanism=SCRAM-SHA-1")["data"] == {"SCRAM-SHA-1": []}
    assert sasl.delete("/sasl", json={"username": "u 1"}) == {"message": "missing_required_param"}


def test_neither_password_nor_keys_are_shown_or_logged(sasl, caplog):
    sasl.post("/sasl", {**WANTED, "password": "very-secret"})
    row = sasl.get(ONE)["data"]
    assert row.keys() == {"username", "salt", "iteration_count"}
    assert "very-secret" not in caplog.text
    assert "very-secret" not in str(sasl.get("/audit"))
