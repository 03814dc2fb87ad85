"""The guard in tests/conftest.py keeps unit tests off the network."""

from __future__ import annotations

import os
import socket

import pytest

from app.compiled_form import VARIABLE


def test_a_unit_test_that_connects_is_stopped() -> None:
    with socket.socket() as client, pytest.raises(PermissionError, match="stay off the network"):
        client.connect(("127.0.0.1", 9))


def test_a_unit_test_that_binds_is_stopped() -> None:
    with socket.socket() as server, pytest.raises(PermissionError, match="stay off the network"):
        server.bind(("127.0.0.1", 0))


def test_sockets_within_the_process_are_allowed() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")
        assert right.recv(1) == b"x"


def test_settings_of_the_developer_are_gone() -> None:
    # The one that is there says which form of the hot modules runs, and the run itself set it.
    assert {name for name in os.environ if name.startswith("GODWIT_")} <= {VARIABLE}
