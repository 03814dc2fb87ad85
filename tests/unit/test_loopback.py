"""Which addresses are this machine itself."""

from __future__ import annotations

import pytest

from app.loopback import is_loopback, local_url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_the_machine_s_own_addresses_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "localhost", ""])
def test_others_and_what_is_no_address_are_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8081"),
        ("localhost", "http://localhost:8081"),
        ("0.0.0.0", "http://127.0.0.1:8081"),
        ("::", "http://[::1]:8081"),
        ("::1", "http://[::1]:8081"),
        ("10.0.0.7", None),
        ("broker.example.org", None),
    ],
)
def test_a_listener_answers_the_machine_itself_where_it_can(host: str, url: str | None) -> None:
    assert local_url(host, 8081) == url
