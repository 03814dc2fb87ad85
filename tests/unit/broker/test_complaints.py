"""The log about clients that break the rules: it tells, and does not grow without bound."""

from __future__ import annotations

import logging

import pytest

from app.broker.complaints import MOST_A_SECOND
from tests.harness.playbook import Playbook

A_FLOOD = 1_000


def flood(playbook: Playbook, count: int) -> None:
    for _ in range(count):
        client = playbook.client()
        client.sends(b"\x00\x00")
        assert client.is_closed


def test_a_flood_of_bad_packets_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    playbook = Playbook()
    flood(playbook, A_FLOOD)
    assert len(caplog.records) == MOST_A_SECOND
    assert "protocol_error" in caplog.records[0].getMessage()
    playbook.advance(1)
    flood(playbook, 1)
    told = [record.getMessage() for record in caplog.records[MOST_A_SECOND:]]
    assert told[0] == f"{A_FLOOD - MOST_A_SECOND} more clients were disconnected for what they sent"
    assert len(told) == 2


def test_who_comes_alone_is_told_of_each_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    playbook = Playbook()
    for count in range(1, 4):
        flood(playbook, 1)
        playbook.advance(1)
        assert len(caplog.records) == count
