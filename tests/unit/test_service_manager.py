"""Sockets that a service manager holds, and what it is told."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from app.service_manager import (
    HANDED_ON,
    HandedSocketsError,
    notify,
    opened_again,
    place_of,
    sockets_of_master,
    take_sockets,
)


@pytest.fixture
def inheritable(monkeypatch: pytest.MonkeyPatch) -> dict[int, bool]:
    """What was said of descriptors, none of which need be open."""
    said: dict[int, bool] = {}
    monkeypatch.setattr(os, "set_inheritable", said.__setitem__)
    return said


def test_a_master_takes_its_sockets_by_name_and_nobody_takes_them_after_it(
    inheritable: dict[int, bool],
) -> None:
    names = "listener.tcp.external:management.listener.http:management.listener.http"
    environ = {"LISTEN_PID": "7", "LISTEN_FDS": "3", "LISTEN_FDNAMES": names}
    held = take_sockets(environ, 7)
    assert held == {"listener.tcp.external": (3,), "management.listener.http": (4, 5)}
    assert inheritable == {3: False, 4: False, 5: False}
    assert set(environ) == {HANDED_ON}
    assert sockets_of_master(environ, 7) == held


def test_sockets_of_another_process_are_left_alone() -> None:
    environ = {"LISTEN_PID": "8", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", HANDED_ON: "8 3=x"}
    assert take_sockets(environ, 7) == {}
    assert environ == {"LISTEN_PID": "8", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x"}
    assert sockets_of_master({HANDED_ON: "8 3=x"}, 7) == {}
    assert sockets_of_master({}, 7) == {}


@pytest.mark.parametrize("names", ["", "one", "one:"])
def test_a_socket_without_a_name_is_refused(names: str) -> None:
    environ = {"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": names}
    with pytest.raises(HandedSocketsError, match="FileDescriptorName="):
        take_sockets(environ, 7)


def test_what_is_opened_again_can_be_closed_and_the_socket_still_listens(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as held, socket.socket(socket.AF_UNIX) as client:
        held.bind(path)
        held.listen()
        (ours,) = opened_again([held.fileno()])
        ours.close()
        assert place_of(held.fileno()) == path
        client.connect(path)


def test_a_service_manager_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notify(str(tmp_path / "notify"), "READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "@nobody-listens-here", "/nobody/listens/here"])
def test_nobody_to_tell_is_no_error(address: str) -> None:
    notify(address, "READY=1")
