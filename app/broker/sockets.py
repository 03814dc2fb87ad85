"""Listening sockets, opened with care: every address of a host, and socket files that others left behind."""

from __future__ import annotations

import contextlib
import errno
import socket
import stat
import struct
import sys
from pathlib import Path

from app.config import ListenerConfig, UnixConfig

LAST_DATA_RECV_AT = 52
"""Where Linux's `struct tcp_info` has `tcpi_last_data_recv`, in milliseconds."""
TCP_INFO_BYTES = 56


def open_sockets(config: ListenerConfig) -> list[socket.socket]:
    """Return sockets that listen, one for each address that the listener's host stands for.

    Raises:
        OSError: An address cannot be used; what was opened is closed again.
    """
    if config.unix is not None:
        return [open_socket_file(config.unix, config.backlog)]
    places = socket.getaddrinfo(
        config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    opened: list[socket.socket] = []
    with contextlib.ExitStack() as on_failure:
        for family, address in dict.fromkeys((place[0], place[4]) for place in places):
            sock = on_failure.enter_context(socket.socket(family, socket.SOCK_STREAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
            sock.listen(config.backlog)
            opened.append(sock)
        on_failure.pop_all()
    return opened


def silence_ms(sock: socket.socket | None) -> int | None:
    """Return how long ago the peer of a TCP connection last sent data; None where the system does not say.

    The kernel knows it, so that nobody has to look at a clock for every packet.
    """
    if sys.platform != "linux" or sock is None or sock.family == socket.AF_UNIX:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    except OSError:
        return None
    if len(info) < TCP_INFO_BYTES:
        return None
    ago_ms: int = struct.unpack_from("=I", info, LAST_DATA_RECV_AT)[0]
    return ago_ms


def open_socket_file(config: UnixConfig, backlog: int) -> socket.socket:
    """Return a socket that listens on a socket file with the mode that the settings say.

    Raises:
        OSError: The file belongs to somebody else or cannot be made; `strerror` is a sentence's end.
    """
    path = Path(config.path)
    clear_socket_file(path)
    with contextlib.ExitStack() as on_failure:
        sock = on_failure.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sock.bind(str(path))
        on_failure.callback(path.unlink)
        # Nobody can connect before `listen`, so nobody gets in by the mode of before.
        path.chmod(config.mode)
        sock.listen(backlog)
        on_failure.pop_all()
    return sock


def clear_socket_file(path: Path) -> None:
    """Remove a socket file that nobody listens on any more.

    Raises:
        OSError: Somebody does, or the file is none.
    """
    if is_left_behind(path):
        path.unlink(missing_ok=True)


def is_left_behind(path: Path) -> bool:
    """Tell whether there is a socket file that nobody listens on.

    Raises:
        OSError: Somebody listens on it, or the file is none.
    """
    if not is_socket_file(path):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except BlockingIOError:
            pass  # its backlog is full: somebody listens
    raise OSError(errno.EADDRINUSE, "another program listens on it", str(path))


def is_socket_file(path: Path) -> bool:
    """Tell whether there is a socket file.

    Raises:
        OSError: There is a file of another kind, which is not ours to remove.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "it is a file of another kind", str(path))
    return True


def identity_of(path: Path) -> tuple[int, int]:
    """Return what tells a file from another one that takes its place; (0, 0) where there is none."""
    try:
        facts = path.lstat()
    except OSError:
        return (0, 0)
    return (facts.st_dev, facts.st_ino)
