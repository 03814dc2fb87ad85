"""What keeps everybody waiting is told under `$SYS` and in the log."""

from __future__ import annotations

import gc
import os

import pytest

from app.broker.sysmon import QUIET_S, SysMonitor
from app.config import MonitorConfig
from tests.harness.playbook import Client, Playbook

PREFIX = "$SYS/brokers/godwit@127.0.0.1/sysmon/"


def watched(**monitors: float) -> tuple[Playbook, SysMonitor, Client]:
    playbook = Playbook(monitors=MonitorConfig(**monitors))  # type: ignore[arg-type]
    client = playbook.connect()
    client.subscribes("$SYS/#")
    return playbook, SysMonitor(playbook.core), client


def heard(client: Client) -> list[tuple[str, str]]:
    return [(packet.topic, packet.payload.decode()) for packet in client.receives()]


def test_a_long_turn_is_told_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    playbook, monitor, client = watched()
    monitor.note_turn(0.24)
    assert heard(client) == []
    for _ in range(10):
        monitor.note_turn(0.3)
    told = f"long_schedule warning: pid = {os.getpid()}, info: [{{timeout,300}}]"
    assert heard(client) == [(f"{PREFIX}long_schedule", told)]
    assert caplog.text.count(told) == 1
    playbook.advance(QUIET_S)
    monitor.note_turn(1.0)
    assert len(heard(client)) == 1


def test_nothing_is_told_where_nobody_wants_it() -> None:
    _, monitor, client = watched(long_schedule_s=0.0)
    monitor.note_turn(10.0)
    monitor.start()
    assert monitor._on_gc not in gc.callbacks
    assert heard(client) == []


def test_a_long_collection_is_told_with_the_next_turn() -> None:
    playbook, monitor, client = watched(long_gc_s=0.1)
    for took_s in (0.05, 0.2, 0.15):
        monitor._on_gc("start", {})
        playbook.clock.advance(took_s)
        monitor._on_gc("stop", {})
    assert heard(client) == []
    monitor.note_turn(0.0)
    told = f"long_gc warning: pid = {os.getpid()}, info: [{{timeout,200}}]"
    assert heard(client) == [(f"{PREFIX}long_gc", told)]
    monitor.note_turn(0.0)
    assert heard(client) == []


def test_the_collector_is_let_go_of() -> None:
    _, monitor, _ = watched(long_gc_s=0.1)
    monitor.start()
    assert monitor._on_gc in gc.callbacks
    monitor.stop()
    monitor.stop()
    assert monitor._on_gc not in gc.callbacks
