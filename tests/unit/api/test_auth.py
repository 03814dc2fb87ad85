"""Who counts as this machine, and how often a refusal is logged."""

from __future__ import annotations

import logging

import pytest

from app.api.auth import HintLog
from app.clock import FakeClock
from app.loopback import is_local


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_local(remote):
    assert is_local({"REMOTE_ADDR": remote})


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "localhost"},
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": "::ffff:192.0.2.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_SEC_FETCH_SITE": "same-site"},
    ],
)
def test_anything_else_is_not(environ):
    assert not is_local(environ)


def test_the_hint_is_logged_once_a_minute(caplog):
    clock = FakeClock()
    hints = HintLog(clock)
    with caplog.at_level(logging.WARNING):
        hints.say("app", "admin", "change it")
        hints.say("app", "admin", "change it")
        clock.advance(59)
        hints.say("user", "admin", "change it")
        assert len(caplog.records) == 1
        clock.advance(1)
        hints.say("user", "admin", "change it")
    assert len(caplog.records) == 2
    assert "refused the user 'admin'" in caplog.text


def test_without_a_hint_nothing_is_logged(caplog):
    HintLog(FakeClock()).say("app", "admin", "")
    assert caplog.records == []


@pytest.mark.parametrize("host", ["localhost", "localhost:8081", "127.0.0.1:8081", "[::1]:8081"])
def test_a_host_that_means_this_machine_everywhere_is_local(host):
    assert is_local({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": host})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", "localhost.evil.example"])
def test_a_name_that_somebody_else_resolves_to_this_machine_is_not_local(host):
    assert not is_local({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": host})
