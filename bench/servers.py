"""The servers under load, with equal settings: nothing stored, nothing logged, no queue limit.

Each starts fresh for each measurement, on loopback and a free port, pinned to the cores it is given.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.baseline import AMQTT_SETTINGS, installed_amqtt
from bench.rows import VARIANTS, Variant
from tests.harness.node import NodeProcess, eventually
from tests.harness.ports import free_port

GODWIT: Final = "godwit"
MOSQUITTO: Final = "mosquitto"
MOSQUITTO_NODELAY: Final = "mosquitto, nodelay"
AMQTT: Final = "amqtt"
SERVERS: Final = (GODWIT, MOSQUITTO, MOSQUITTO_NODELAY, AMQTT)
_START_DEADLINE_S: Final = 10.0
_IN_FLIGHT: Final = 100
"""As many as a publisher has in the rows with a window: no server holds its subscriber back earlier."""
_OURS: Final = {
    "allow_anonymous": "true",
    "log.level": "warning",
    "zone.external.max_mqueue_len": "0",
    "zone.external.max_inflight": str(_IN_FLIGHT),
}
_MOSQUITTO_SETTINGS: Final = f"""\
listener {{port}} 127.0.0.1
allow_anonymous true
persistence false
log_dest none
max_queued_messages 0
max_inflight_messages {_IN_FLIGHT}
set_tcp_nodelay {{nodelay}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, and the process whose CPU time counts."""

    name: str
    port: int
    pid: int
    api_port: int | None
    login: tuple[str, str] | None = None
    """User name and password of all clients, where they need one."""


@contextmanager
def serve(name: str, cores: str, overrides: Mapping[str, str]) -> Iterator[Server]:
    """Run one of `SERVERS` on the given cores, such as `0` or `0,1`.

    Args:
        name: Which server, or which of `VARIANTS`.
        cores: For taskset.
        overrides: Settings of ours to change.
    """
    pinned = ("taskset", "-c", cores)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if name in VARIANTS:
            with _varied(VARIANTS[name], Path(folder), pinned, overrides) as server:
                yield server
        elif name == GODWIT:
            with NodeProcess(Path(folder), pinned, **{**_OURS, **overrides}) as node:
                yield Server(name, node.ports["tcp"], node.worker_pid, node.ports["management"])
        else:
            with _started(name, Path(folder), pinned) as server:
                yield server


@contextmanager
def _varied(
    variant: Variant, folder: Path, pinned: tuple[str, ...], overrides: Mapping[str, str]
) -> Iterator[Server]:
    settings = {**_OURS, **variant.settings, **overrides}
    if variant.password_hash:
        settings |= {"allow_anonymous": "false", "auth.mnesia.password_hash": variant.password_hash}
    node = NodeProcess(folder, pinned, **settings)
    if variant.rules:
        (node.instance / "acl.conf").write_text(variant.rules, "utf-8")
    with node:
        login = None
        if variant.password_hash:
            name, password = login = ("bench", "a-password-of-usual-length")
            node.api("PUT", "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_mnesia/load")
            added = {"username": name, "password": password}
            answer = node.api("POST", "/api/v4/auth_username", added)
            assert answer.status == 200, answer
        yield Server("godwit", node.ports["tcp"], node.worker_pid, node.ports["management"], login)


@contextmanager
def _started(name: str, folder: Path, pinned: tuple[str, ...]) -> Iterator[Server]:
    port = free_port()
    settings = folder / "server.conf"
    command: tuple[str, ...] = ("mosquitto", "-c")
    if name == AMQTT:
        settings.write_text(AMQTT_SETTINGS.format(port=port))
        command = (str(installed_amqtt()), "-c")
    else:
        nodelay = "true" if name == MOSQUITTO_NODELAY else "false"
        settings.write_text(_MOSQUITTO_SETTINGS.format(port=port, nodelay=nodelay))
    process = subprocess.Popen(
        [*pinned, *command, str(settings)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process, name)
        yield Server(name, port, process.pid, None)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_START_DEADLINE_S)
    except subprocess.TimeoutExpired:
        # What was drowned in load may be too busy to obey.
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], name: str) -> None:
    def listens() -> bool:
        if process.poll() is not None:
            raise SystemExit(f"{name} did not start")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(listens, f"that {name} listens", _START_DEADLINE_S)
