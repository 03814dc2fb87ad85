"""Real RabbitMQ servers for tests: Debian's package in a temporary folder, on free ports of loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pytest

from tests.harness.ports import free_port

LIBRARY = Path("/usr/lib/rabbitmq/bin")
START_DEADLINE_S = 90.0
POLL_S = 0.05


class RabbitProcess:
    """One server, with a port mapper of its own; stopped and started anew as a test wants, on the same port."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        """Choose ports; nothing is started yet.

        Args:
            folder: Where its files go.
            settings: Further lines of its configuration.
        """
        self.folder = folder
        self.port = free_port()
        self._mapper_port = free_port()
        self._distribution_port = free_port()
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nloopback_users = none\n"
            f"disk_free_limit.absolute = 1MB\n{settings}"
        )
        (folder / "enabled_plugins").write_text("[].\n")
        only_here = "[{kernel, [{inet_dist_use_interface, {127,0,0,1}}]}].\n"
        (folder / "advanced.config").write_text(only_here)
        self._mapper: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()
            self._mapper = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = _program()
        with (self.folder / "server.log").open("ab") as log:
            if self._mapper is None:
                # The server would start one that outlives it.
                mapper = shutil.which("epmd")
                assert mapper is not None
                words = [mapper, "-address", "127.0.0.1", "-port", str(self._mapper_port)]
                self._mapper = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
                self._wait_for(self._mapper, self._mapper_port)
            self._process = subprocess.Popen(
                [program],
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_for(self._process, self.port)

    def stop(self) -> None:
        """Kill it with all that it started; without effect when it is gone."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _wait_for(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline_s = time.monotonic() + START_DEADLINE_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline_s:
                pytest.fail((self.folder / "server.log").read_text(errors="replace")[-4000:])
            time.sleep(POLL_S)

    def _environment(self) -> Mapping[str, str]:
        folder = self.folder
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            # One scheduler: the machine has more to do.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _program() -> str:
    program = LIBRARY / "rabbitmq-server"
    if program.exists():
        return str(program)
    sentence = "RabbitMQ is not installed; the package is rabbitmq-server"
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(sentence)
    pytest.skip(sentence)
