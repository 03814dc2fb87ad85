"""Alarms in the fourth generation."""

from __future__ import annotations

import pytest

from app.broker.alarms import AlarmRecord
from tests.harness.fake_nodes import NODE

ACTIVE = AlarmRecord("hot", "it is hot", 1_000_000, {"degrees": 99})
PAST = AlarmRecord("cold", "it was cold", 1_000_000, {}, 3_000_000)


@pytest.fixture(autouse=True)
def alarms(api):
    api.node.alarm_records = [ACTIVE, PAST]


def test_a_past_alarm_says_how_long_it_lasted(api):
    assert api.get("/alarms/deactivated")["data"] == [
        {
            "node": NODE,
            "alarms": [
                {
                    "name": "cold",
                    "message": "it was cold",
                    "details": {},
                    "activate_at": 1_000_000,
                    "deactivate_at": 3_000_000,
                    "activated": False,
                    "duration": 2_000_000,
                }
            ],
        }
    ]


def test_an_active_alarm_has_no_end_and_lasts_until_now(api):
    (alarm,) = api.get(f"/nodes/{NODE}/alarms/activated")["data"]
    assert (alarm["deactivate_at"], alarm["activated"]) == ("infinity", True)
    assert alarm["duration"] > 1_000_000


def test_all_alarms_are_those_that_are_and_those_that_were(api):
    assert [alarm["name"] for alarm in api.get(f"/nodes/{NODE}/alarms")["data"]] == ["hot", "cold"]


def test_an_alarm_is_ended_by_node_and_name(api):
    assert api.post("/alarms/deactivated", {"node": NODE, "name": "hot"}) == {"code": 0}
    assert api.node.commands[-1] == ("deactivate_alarm", "hot")


def test_an_alarm_that_is_not_active_cannot_be_ended(api):
    answer = api.post("/alarms/deactivated", {"node": NODE, "name": "cold"})
    assert answer == {"message": "not_found"}


def test_a_missing_member_is_named(api):
    assert api.post("/alarms/deactivated", {"node": NODE})["code"] == 107


def test_the_past_can_be_forgotten(api):
    assert api.delete("/alarms/deactivated") == {"code": 0}
    assert api.delete(f"/nodes/{NODE}/alarms/deactivated") == {"code": 0}
    assert api.node.commands == [("delete_deactivated_alarms",)] * 2
