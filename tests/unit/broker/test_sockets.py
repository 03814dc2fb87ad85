"""Socket files: made with their mode, taken over when left behind, and never taken from somebody."""

from __future__ import annotations

import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.broker.sockets import identity_of, open_sockets, silence_ms
from app.config import ListenerConfig, UnixConfig


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listener(path: Path, mode: int = 0o660) -> ListenerConfig:
    return ListenerConfig("unix", "local", "", 0, unix=UnixConfig(str(path), mode))


def test_the_file_has_its_mode_before_anybody_can_connect(
    tmp_path: Path, opened: ExitStack
) -> None:
    (sock,) = open_sockets(listener(tmp_path / "mqtt.sock", 0o600))
    opened.enter_context(sock)
    assert stat.S_IMODE((tmp_path / "mqtt.sock").stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "mqtt.sock"))


def test_a_file_that_was_left_behind_is_replaced(tmp_path: Path, opened: ExitStack) -> None:
    path = tmp_path / "mqtt.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    before = identity_of(path)
    (sock,) = open_sockets(listener(path))
    opened.enter_context(sock)
    assert before != (0, 0)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_socket_that_somebody_listens_on_is_left_alone(tmp_path: Path, opened: ExitStack) -> None:
    (sock,) = open_sockets(listener(tmp_path / "mqtt.sock"))
    opened.enter_context(sock)
    with pytest.raises(OSError, match="another program listens on it"):
        open_sockets(listener(tmp_path / "mqtt.sock"))
    assert (tmp_path / "mqtt.sock").exists()


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mqtt.sock").write_text("shopping list", "utf-8")
    with pytest.raises(OSError, match="a file of another kind"):
        open_sockets(listener(tmp_path / "mqtt.sock"))
    assert (tmp_path / "mqtt.sock").read_text("utf-8") == "shopping list"


def test_a_missing_file_has_no_identity(tmp_path: Path) -> None:
    assert identity_of(tmp_path / "mqtt.sock") == (0, 0)


class ConnectedSocket:
    """A TCP socket as Linux describes it."""

    family = socket.AF_INET

    def __init__(self, info: bytes | OSError) -> None:
        self.info = info

    def getsockopt(self, _level: int, _option: int, size: int) -> bytes:
        if isinstance(self.info, OSError):
            raise self.info
        return self.info[:size]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say")
@pytest.mark.parametrize(
    ("info", "silent_ms"),
    [
        (bytes(52) + (1_500).to_bytes(4, sys.byteorder) + bytes(200), 1_500),
        (bytes(40), None),
        (OSError(95, "not supported"), None),
    ],
)
def test_the_system_says_how_long_a_peer_was_silent(
    info: bytes | OSError, silent_ms: int | None
) -> None:
    sock: Any = ConnectedSocket(info)
    assert silence_ms(sock) == silent_ms


def test_of_what_is_no_network_nobody_knows(opened: ExitStack) -> None:
    for local in socket.socketpair():
        assert silence_ms(opened.enter_context(local)) is None
    assert silence_ms(None) is None
