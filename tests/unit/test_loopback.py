"""Which addresses are this machine itself."""

from __future__ import annotations

import pytest

from app.loopback import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_the_machine_s_own_addresses_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "localhost", ""])
def test_others_and_what_is_no_address_are_not(host: str) -> None:
    assert not is_loopback(host)
