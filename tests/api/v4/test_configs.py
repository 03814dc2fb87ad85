"""Settings over the fourth generation."""

from __future__ import annotations

ROWS = "management.max_row_limit"


def test_a_hot_setting_is_changed_and_holds_for_the_next_call(api):
    assert api.put(f"/configs/{ROWS}", {"value": 1}) == {"code": 0}
    assert api.get("/clients")["meta"]["limit"] == 1
    row = api.get(f"/configs/{ROWS}")["data"]
    assert (row["value"], row["source"], row["hot"]) == ("1", "override", True)
    assert api.delete(f"/configs/{ROWS}") == {"code": 0}
    assert api.get("/clients")["meta"]["limit"] == 10_000


def test_several_are_changed_together(api):
    assert api.put("/configs", {ROWS: 5, "mqtt.retain_available": False}) == {"code": 0}
    rows = {row["key"]: row["value"] for row in api.get("/configs")["data"]}
    assert (rows[ROWS], rows["mqtt.retain_available"]) == ("5", "false")


def test_what_cannot_be_is_refused(api):
    assert "needs a restart" in api.put("/configs/node.name", {"value": "x@y"})["message"]
    assert api.put("/configs/no.such", {"value": "x"})["code"] == 108
    assert api.get("/configs/no.such")["code"] == 108
    assert api.put(f"/configs/{ROWS}", {})["code"] == 107
    assert api.put("/configs", [])["code"] == 108
    assert api.put("/configs", {})["code"] == 108


def test_secrets_are_not_shown(api):
    rows = {row["key"]: row for row in api.get("/configs")["data"]}
    assert rows["management.default_application.secret"]["value"] == "******"
    assert rows["management.default_application.secret"]["default"] == "******"
