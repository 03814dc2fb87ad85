"""The watch over listeners: full ones, and those that cannot accept."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from app.broker.listener_mon import NO_DESCRIPTORS, ListenerMonitor
from app.broker.os_mon import Machine
from app.config import MonitorConfig
from tests.unit.broker.wires import House

Houses = Callable[..., House]
FULL = "listener/mqtt:tcp:external/0.0.0.0:1883/max_connections"
DOWN = "listener/mqtt:tcp:external/0.0.0.0:1883/down"


class Tame(Machine):
    """A machine that has descriptors, or not."""

    free = True

    def has_free_fd(self) -> bool:  # type: ignore[override]
        return self.free


def watched(here: House) -> Tame:
    machine = Tame()
    here.listener.is_wanted = True
    ListenerMonitor(here.core, [here.listener], machine).start()
    return machine


def names(here: House) -> list[str]:
    return [alarm.name for alarm in here.core.alarms.activated()]


def test_a_full_listener_is_alarming_until_it_has_room_again(house: Houses) -> None:
    here = house(listener={"max_connections": 10})
    watched(here)
    peers = [here.connect(f"c{number}") for number in range(10)]
    here.playbook.advance(30)
    (alarm,) = here.core.alarms.activated()
    assert (alarm.name, alarm.message) == (
        FULL,
        "Listener mqtt:tcp:external has 10 of 10 connections",
    )
    assert dict(alarm.details) == {
        "listen_on": "0.0.0.0:1883",
        "connections": 10,
        "max_connections": 10,
        "high_watermark": 100,
        "low_watermark": 90,
    }
    for left, active in ((9, [FULL]), (8, [])):
        peers[left].transport.lose()
        here.playbook.advance(30)
        assert names(here) == active


def test_thresholds_are_settings(house: Houses) -> None:
    monitors = MonitorConfig(listener_high_watermark=0.5, listener_low_watermark=0.25)
    here = house(listener={"max_connections": 4}, monitors=monitors)
    watched(here)
    peers = [here.connect(f"c{number}") for number in range(2)]
    here.playbook.advance(30)
    assert names(here) == [FULL]
    peers[0].transport.lose()
    here.playbook.advance(30)
    assert names(here) == [FULL]
    peers[1].transport.lose()
    here.playbook.advance(30)
    assert names(here) == []


def test_a_refusal_between_two_looks_is_alarming_as_well(house: Houses) -> None:
    here = house(listener={"max_connections": 1})
    watched(here)
    peer = here.peer()
    here.peer()
    peer.transport.lose()
    here.playbook.advance(30)
    assert names(here) == [FULL]
    here.playbook.advance(30)
    assert names(here) == []


@pytest.mark.parametrize("told", [True, False])
def test_a_listener_that_cannot_accept_is_alarming_until_it_can(house: Houses, told: bool) -> None:
    here = house()
    machine = watched(here)
    if told:
        here.listener.trouble = NO_DESCRIPTORS
    else:
        machine.free = False
    here.playbook.advance(30)
    (alarm,) = here.core.alarms.activated()
    assert alarm.name == DOWN
    assert dict(alarm.details) == {"listen_on": "0.0.0.0:1883", "reason": NO_DESCRIPTORS}
    machine.free = True
    here.playbook.advance(30)
    assert names(here) == []


def test_a_listener_that_cannot_be_started_again_is_alarming_until_it_is(
    house: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = house()
    watched(here)
    broker = here.playbook.broker
    broker.listeners = [here.listener]
    is_taken = True

    async def opens() -> None:
        if is_taken:
            raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(here.listener, "_open", opens)
    with pytest.raises(OSError):
        here.loop.run_until_complete(broker.restart_listener("mqtt:tcp:external"))
    for _ in range(2):
        here.playbook.advance(30)
        (alarm,) = here.core.alarms.activated()
        assert (alarm.name, alarm.details["reason"]) == (DOWN, "Address already in use")
    is_taken = False
    here.loop.run_until_complete(broker.restart_listener("mqtt:tcp:external"))
    here.playbook.advance(30)
    assert names(here) == []


def test_a_restart_of_a_listener_that_nobody_knows_is_an_error(house: Houses) -> None:
    here = house()
    with pytest.raises(KeyError):
        here.loop.run_until_complete(here.playbook.broker.restart_listener("mqtt:tcp:nobody"))


def test_a_listener_that_was_stopped_alarms_nobody(house: Houses) -> None:
    here = house()
    machine = watched(here)
    here.loop.turn(here.listener.stop_accepting)
    machine.free = False
    here.playbook.advance(30)
    assert names(here) == []
