"""Who counts as this machine, and how often a refusal is logged."""

from __future__ import annotations

import logging

import pytest
from flask import Flask

from app.api.auth import application_auth, is_local
from app.clock import FakeClock
from app.services.apps import AuthenticationRefused, Refusal


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


class Refusing:
    """Refuses everybody for the reason that has a hint."""

    def authenticate(self, app_id, secret, *, from_loopback):
        raise AuthenticationRefused(Refusal.SHIPPED_SECRET, "change it")


def test_the_hint_is_logged_once_a_minute(caplog):
    clock = FakeClock()
    auth = application_auth(Refusing(), clock)
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/", "root", auth.login_required(lambda: ""))
    client = app.test_client()

    def ask():
        return client.get("/", auth=("admin", "public")).data

    with caplog.at_level(logging.WARNING):
        assert ask() == ask() == b"UNAUTHORIZED\nchange it\n"
        clock.advance(59)
        ask()
        assert len(caplog.records) == 1
        clock.advance(1)
        ask()
    assert len(caplog.records) == 2
    assert "public" not in caplog.text


@pytest.mark.parametrize("host", ["localhost", "localhost:8081", "127.0.0.1:8081", "[::1]:8081"])
def test_a_host_that_means_this_machine_everywhere_is_local(host):
    assert is_local({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": host})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", "localhost.evil.example"])
def test_a_name_that_somebody_else_resolves_to_this_machine_is_not_local(host):
    assert not is_local({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": host})
