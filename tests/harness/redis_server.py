"""Real Redis servers for tests: Debian's package, in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.harness.ports import free_port

START_DEADLINE_S = 20.0
POLL_S = 0.02


class RedisProcess:
    """One server; stopped and started anew as a test wants, on the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Choose a port; nothing is started yet.

        Args:
            folder: Where its files go.
            options: Further words of its command line, behind the folder's and the port's.
        """
        self.folder = folder
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / f"redis-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program(), *self._arguments()],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + START_DEADLINE_S
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline_s, "redis-server does not answer"
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it at once; without effect when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def client(self) -> Iterator[Redis]:
        """Give a client of the test's own."""
        with Redis(port=self.port, password=self._password) as client:
            yield client

    @property
    def _password(self) -> str | None:
        options = self._options
        return options[options.index("--requirepass") + 1] if "--requirepass" in options else None

    def _arguments(self) -> list[str]:
        fixed = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        return [*fixed, "--dir", str(self.folder), *self._options]

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


class SentinelProcess(RedisProcess):
    """One sentinel that watches over a server under the name `mymaster`."""

    def __init__(self, folder: Path, watched: RedisProcess) -> None:
        super().__init__(folder)
        self._file = folder / f"sentinel-{self.port}.conf"
        self._file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor mymaster 127.0.0.1 {watched.port} 1\n"
        )

    def _arguments(self) -> list[str]:
        return [str(self._file), "--sentinel"]


def _program() -> str:
    found = shutil.which("redis-server")
    if found:
        return found
    sentence = "redis-server is not installed; the package is redis-server"
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(sentence)
    pytest.skip(sentence)
