"""Alarms: raised once, ended once, remembered for a while, told under `$SYS`."""

from __future__ import annotations

import json
import logging

import pytest

from app.config import AlarmConfig
from tests.harness.playbook import Playbook

ALARMS = "$SYS/brokers/godwit@127.0.0.1/alarms"


def test_an_alarm_is_active_until_it_is_deactivated() -> None:
    playbook = Playbook()
    alarms = playbook.core.alarms
    assert alarms.activate("hot", "it is hot", {"degrees": 99})
    playbook.advance(2)
    (alarm,) = alarms.activated()
    assert alarm.row() == {
        "name": "hot",
        "message": "it is hot",
        "details": {"degrees": 99},
        "activate_at": 1_700_000_000_000_000,
        "deactivate_at": "infinity",
        "activated": True,
    }
    assert alarms.deactivate("hot")
    (alarm,) = alarms.deactivated()
    assert (alarm.activated, alarm.deactivate_at_us) == (False, 1_700_000_002_000_000)
    assert (alarms.activated(), alarms.is_active("hot")) == ([], False)


def test_activating_twice_and_deactivating_what_is_not_active_change_nothing() -> None:
    playbook = Playbook()
    alarms = playbook.core.alarms
    client = playbook.connect()
    client.subscribes(f"{ALARMS}/#")
    assert not alarms.deactivate("hot")
    assert alarms.activate("hot", "first", {})
    assert not alarms.activate("hot", "second", {})
    assert [alarm.message for alarm in alarms.activated()] == ["first"]
    assert len(client.receives()) == 1


def test_both_events_are_published_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    playbook = Playbook()
    client = playbook.connect()
    client.subscribes(f"{ALARMS}/#")
    with caplog.at_level(logging.WARNING):
        playbook.core.alarms.activate("hot", "it is hot", {"degrees": 99})
        playbook.core.alarms.deactivate("hot")
    raised, ended = client.receives()
    assert (raised.topic, ended.topic) == (f"{ALARMS}/activate", f"{ALARMS}/deactivate")
    assert raised.properties == {"content_type": "application/json"}
    assert (raised.retain, raised.qos) == (False, 0)
    assert json.loads(raised.payload)["deactivate_at"] == "infinity"
    assert json.loads(ended.payload)["deactivate_at"] == 1_700_000_000_000_000
    assert len(caplog.records) == 2


def test_the_past_has_room_for_so_many_alarms() -> None:
    playbook = Playbook(alarm=AlarmConfig(size_limit=3))
    alarms = playbook.core.alarms
    for number in range(5):
        alarms.activate(f"a{number}", "", {})
        alarms.deactivate(f"a{number}")
    assert [alarm.name for alarm in alarms.deactivated()] == ["a2", "a3", "a4"]


def test_the_past_is_forgotten_after_its_validity() -> None:
    playbook = Playbook(alarm=AlarmConfig(validity_period_s=10.0))
    alarms = playbook.core.alarms
    alarms.activate("hot", "", {})
    alarms.deactivate("hot")
    playbook.advance(10)
    assert len(alarms.deactivated()) == 1
    playbook.advance(0.25)
    assert alarms.deactivated() == []


def test_the_past_can_be_deleted_and_the_present_stays() -> None:
    playbook = Playbook()
    alarms = playbook.core.alarms
    for name in ("over", "still"):
        alarms.activate(name, "", {})
    alarms.deactivate("over")
    alarms.delete_deactivated()
    assert (alarms.deactivated(), len(alarms.activated())) == ([], 1)
