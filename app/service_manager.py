"""What a service manager such as systemd hands to a service, and wants to hear of it.

Listening sockets that it holds stay open while the node restarts: who connects meanwhile waits and is not refused.
Each has the settings key of what listens on it for a name (`FileDescriptorName=listener.tcp.external`). The server's
master takes them; its worker, which is forked from it, finds them under their old numbers. A leaf: imports nothing from
the application.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, MutableMapping

FIRST_DESCRIPTOR = 3
HANDED_ON = "GODWIT_SOCKETS"
"""Environment variable by which a worker learns what its master has taken."""

Held = Mapping[str, tuple[int, ...]]
"""Descriptors of listening sockets, by the settings key of what listens on them."""


class HandedSocketsError(Exception):
    """Sockets that cannot be used; the text is one sentence that says what to do."""


def take_sockets(environ: MutableMapping[str, str], pid: int) -> Held:
    """Take the sockets that were handed to the process `pid`, and note them for its worker.

    Afterwards the environment names them no more, so that no other part of the process takes them too.

    Raises:
        HandedSocketsError: One of them has no name.
    """
    environ.pop(HANDED_ON, None)
    if environ.get("LISTEN_PID") != str(pid):
        return {}
    count = int(environ.pop("LISTEN_FDS", "0"))
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    del environ["LISTEN_PID"]
    if len(names) != count or "" in names:
        raise HandedSocketsError(
            "Give every socket unit a FileDescriptorName= that is the settings key of what listens on it, "
            "such as listener.tcp.external."
        )
    held: dict[str, tuple[int, ...]] = {}
    for descriptor, name in enumerate(names, FIRST_DESCRIPTOR):
        # Children that run programs of their own have no use for them.
        os.set_inheritable(descriptor, False)
        held[name] = (*held.get(name, ()), descriptor)
    environ[HANDED_ON] = f"{pid} " + " ".join(
        f"{descriptor}={name}" for name, all_of_it in held.items() for descriptor in all_of_it
    )
    return held


def sockets_of_master(environ: Mapping[str, str], parent: int) -> Held:
    """Return the sockets that this worker's master has taken; none where it was started by somebody else.

    Args:
        environ: The process's environment.
        parent: Process id of its parent.
    """
    master, *entries = environ.get(HANDED_ON, "0").split(" ")
    if master != str(parent):
        return {}
    held: dict[str, tuple[int, ...]] = {}
    for entry in entries:
        descriptor, _, name = entry.partition("=")
        held[name] = (*held.get(name, ()), int(descriptor))
    return held


def opened_again(descriptors: Iterable[int]) -> list[socket.socket]:
    """Return sockets of our own for descriptors that stay open when these are closed."""
    return [socket.socket(fileno=os.dup(descriptor)) for descriptor in descriptors]


def place_of(descriptor: int) -> str | int:
    """Return where a held socket listens: a port, or the path of a socket file.

    Raises:
        OSError: It is none.
    """
    (sock,) = opened_again([descriptor])
    with sock:
        name = sock.getsockname()
    return name if isinstance(name, str) else int(name[1])


def notify(address: str, state: str) -> None:
    """Tell the service manager something (`READY=1`); it may be gone, and then nobody needs to know.

    Args:
        address: What `NOTIFY_SOCKET` said; empty tells nobody.
        state: In the words of sd_notify(3).
    """
    if not address:
        return
    place = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), place)
        except OSError:
            return
